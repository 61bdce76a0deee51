/** A line chart with the interval of every point, from plain data. */
import { legendBelow, legendNames, legendRight } from './legend.ts';
import { printable } from './markup.ts';
import { onPage, type Paint } from './palette.ts';
import { type Axis, leastGap, roundScale, type Scale, sideBySide, valueScale, written } from './scale.ts';
import { isDrawn, type Reference, referenceSeries, type Series, seriesOf } from './series.ts';
import { BOLDER, type ChartOption, drawSvg, FONT_PIXELS } from './svg.ts';

/** What to draw. Values are in the units of their axis; `Axis.percent` turns shares into percent. */
export interface LineChart {
  /** Names the chart to those who cannot see it; drawn only if `heading` is set. */
  readonly title: string;
  readonly heading?: boolean;
  /** What it shows, for those who cannot see it; default: every value. */
  readonly description?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  readonly reference?: Reference;
  /** In pixels; the drawing may be scaled. A legend below adds to the height. */
  readonly width: number;
  readonly height: number;
  /** Default right. */
  readonly legend?: 'right' | 'below' | 'none';
  /** In pixels; default 8. */
  readonly symbolSize?: number;
  /** Default: the colours of the page that it stands in, which needs `chartCss`. */
  readonly paint?: Paint;
}

/** Where the plot lies, in pixels from the edges of the drawing. */
interface Plot {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly width: number;
}

/** Draws to SVG. Series that share values of x stand side by side around them, so that no interval hides another. */
export function lineChart(chart: LineChart): string {
  const { series, reference, width, legend = 'right', paint = onPage, symbolSize } = chart;
  const names = legendNames(series, reference);
  const below = legendBelow(names, { paint, width, top: chart.height + 8 });
  const height = chart.height + (legend === 'below' ? below.height + 8 : 0);
  const y = heights(chart);
  const plot = plotOf(chart, {
    left: labelWidth(y),
    right: legend === 'right' ? 200 : 8,
    below: height - chart.height,
  });
  const x = widths(chart, plot);
  const axes = { x: chart.x, y: chart.y };
  const { shift, pitch } = shifts(chart, plot, x);
  const option: ChartOption = {
    title: {
      show: chart.heading === true,
      text: printable(chart.title),
      left: 2,
      top: 4,
      padding: 0,
      textStyle: titleStyle(width, paint),
    },
    grid: { ...plot, outerBoundsMode: 'none' },
    legend: { right: legendRight(names, { paint, width, plot }), below: below.option, none: [] }[legend],
    xAxis: {
      ...axisLooks(chart.x, x, paint),
      nameLocation: 'middle',
      nameGap: 30,
      splitLine: { show: false },
    },
    yAxis: {
      ...axisLooks(chart.y, y, paint),
      nameLocation: 'end',
      nameGap: 14,
      nameTextStyle: { align: 'left', padding: [0, 0, 0, 2 - plot.left], color: paint.ink },
      axisLine: { show: false, onZero: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: paint.grid } },
    },
    series: [
      ...(reference ? referenceSeries(reference, { axes, x, paint }) : []),
      ...series.flatMap((one, index) =>
        seriesOf(one, { axes, paint, index, shift: shift[index] ?? 0, pitch, symbolSize }),
      ),
    ],
  };
  const frame = { width, height, title: chart.title, description: chart.description ?? describe(chart) };
  return drawSvg(option, { ...frame, surface: paint.surface });
}

function plotOf(
  { heading, width }: LineChart,
  { left, right, below }: { left: number; right: number; below: number },
): Plot {
  return { left, right, top: heading ? 58 : 30, bottom: below + 46, width: width - left - right };
}

/** The y axis: around all intervals. */
function heights({ series, reference, y: axis }: LineChart): Scale {
  const points = series.flatMap(({ points }) => points).filter(isDrawn);
  const all = [...points, ...(reference ? [reference] : [])];
  return roundScale(
    axis,
    all.flatMap(({ y, low = y, high = y }) => [y, low, high]),
  );
}

/** Room for the longest number beside the y axis. */
function labelWidth({ min, max, step }: Scale): number {
  const said = (value: number): string => value.toLocaleString('en', { maximumSignificantDigits: 12 });
  return 13 + 7 * Math.max(3, ...[min, min + step, max - step, max].map((value) => said(value).length));
}

/** The x axis: at the values that occur. */
function widths({ series, x: axis }: LineChart, plot: Plot): Scale {
  const xs = series.flatMap(({ points }) => points.filter(isDrawn).map(({ x }) => x));
  return valueScale(axis, xs, { count: series.length, pixels: plot.width });
}

/** How far each series moves sideways, in units of the x axis, and how many pixels that leaves it. */
function shifts({ series, x: axis }: LineChart, plot: Plot, { min, max, at = [] }: Scale) {
  if (at.length === 0) return { shift: [], pitch: Number.POSITIVE_INFINITY };
  const perPixel = (max - min) / plot.width;
  const gap = Math.min(leastGap(at), max - min) / perPixel;
  const sign = axis.reversed ? -1 : 1; // the first series stands left
  const pixels = sideBySide(series.length, gap);
  return { shift: pixels.map((one) => sign * one * perPixel), pitch: leastGap(pixels) };
}

function axisLooks({ label, reversed = false }: Axis, { min, max, step, at }: Scale, paint: Paint) {
  const ticks = at ? { customValues: [...at] } : {};
  return {
    type: 'value',
    name: label,
    inverse: reversed,
    min,
    max,
    interval: step,
    nameTextStyle: { color: paint.ink },
    axisLabel: { color: paint.ink, hideOverlap: true, ...ticks },
    axisTick: { lineStyle: { color: paint.ink }, ...ticks },
    axisLine: { lineStyle: { color: paint.ink }, onZero: false },
  } as const;
}

function titleStyle(width: number, { ink: color }: Paint) {
  const fit = { width: (width - 4) / BOLDER, overflow: 'truncate' } as const;
  return { color, fontSize: FONT_PIXELS + 2, fontWeight: 'bold', ...fit } as const;
}

/** The chart in words: every series with its values. */
function describe({ x, y, series, reference }: LineChart): string {
  const said = (axis: Axis, value: number): string =>
    `${Number(written(axis, value).toFixed(1))}${axis.percent ? ' %' : ''}`;
  const lines = series.map(({ name, points }) => {
    const drawn = points.filter(isDrawn).map((point) => `${said(y, point.y)} at ${said(x, point.x)}`);
    return `${name}: ${drawn.length > 0 ? drawn.join(', ') : 'no points'}.`;
  });
  const level = reference && Number.isFinite(reference.y) ? [`${reference.name}: ${said(y, reference.y)}.`] : [];
  return [`${y.label} over ${x.label}.`, ...level, ...lines].join(' ');
}
