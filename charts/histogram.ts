/** A histogram of two kinds of things, with upright lines where something was decided. */
import type { CustomSeriesOption, LineSeriesOption } from 'echarts/charts';
import { legendBelow, legendNames } from './legend.ts';
import { onPage, type Paint, referenceLooks, seriesColour } from './palette.ts';
import { roundScale, type Scale } from './scale.ts';
import { type ChartOption, drawSvg } from './svg.ts';

/** Some of the values, and how they look. */
export interface Kind {
  readonly name: string;
  /** Index of its colour in the palette. */
  readonly colour: number;
  readonly values: readonly number[];
}

/** What to draw; values that are not finite are left out. */
export interface Histogram {
  /** Names the chart to those who cannot see it. */
  readonly title: string;
  readonly label: string;
  /** No value means more, whatever rounding makes of it. */
  readonly most?: number | undefined;
  /** Drawn one upon the other. */
  readonly kinds: readonly Kind[];
  /** Upright, dotted. */
  readonly line?: { readonly name: string; readonly x: number } | undefined;
  /** In pixels; the legend below adds to the height. */
  readonly width: number;
  readonly height: number;
  readonly paint?: Paint;
}

/** Draws to SVG. */
export function histogram(chart: Histogram): string {
  const { kinds, line, label, most, width, height: plotHeight, title, paint = onPage } = chart;
  const axisX = { label, ...(most !== undefined && { most }) };
  const x = roundScale(axisX, [...kinds.flatMap(({ values }) => values), ...(line ? [line.x] : [])]);
  const bins = binsOf(kinds, x, width < 500 ? 24 : 40);
  const highest = Math.max(1, ...bins.tops.flat());
  const y = roundScale({ label: '' }, [0, highest], 4);
  const names = legendNames(kinds, line);
  const below = legendBelow(names, { paint, width, top: plotHeight + 8 });
  const height = plotHeight + below.height + 8;
  const option: ChartOption = {
    grid: { left: 44, right: 8, top: 26, bottom: height - plotHeight + 46, outerBoundsMode: 'none' },
    legend: below.option,
    xAxis: { ...axis(label, x, paint), nameLocation: 'middle', nameGap: 30, splitLine: { show: false } },
    yAxis: {
      ...axis('tokens', y, paint),
      nameLocation: 'end',
      nameGap: 12,
      axisLine: { show: false },
      axisTick: { show: false },
      splitLine: { lineStyle: { color: paint.grid } },
    },
    series: [
      ...kinds.map((kind, index) => bars(index, seriesColour(kind.colour, paint), bins)),
      ...(line ? [upright(line.x, y.max, paint)] : []),
    ],
  };
  return drawSvg(option, { width, height, title, description: describe(chart) });
}

interface Bins {
  readonly from: number;
  readonly step: number;
  /** For each kind the tops of its bars, those of the kinds below it included. */
  readonly tops: readonly (readonly number[])[];
}

function binsOf(kinds: readonly Kind[], { min, max }: Scale, count: number): Bins {
  const step = (max - min) / count;
  const sums = new Array<number>(count).fill(0);
  const tops = kinds.map(({ values }) => {
    for (const value of values)
      if (Number.isFinite(value)) sums[Math.min(count - 1, Math.floor((value - min) / step))]!++;
    return [...sums];
  });
  return { from: min, step, tops };
}

function bars(index: number, colour: string, { from, step, tops }: Bins): CustomSeriesOption {
  const below = tops[index - 1];
  const data = tops[index]!.flatMap((top, i) => {
    const bottom = below?.[i] ?? 0;
    return top > bottom ? [[from + i * step, bottom, top]] : [];
  });
  return {
    type: 'custom',
    name: `series ${index}`,
    silent: true,
    data,
    itemStyle: { color: colour },
    renderItem: (_, api) => {
      const [x = 0, bottom = 0] = api.coord([api.value(0), api.value(1)]);
      const [end = 0, top = 0] = api.coord([Number(api.value(0)) + step, api.value(2)]);
      const shape = { x, y: top, width: Math.max(1, end - x - 1), height: bottom - top };
      return { type: 'rect', shape, style: { fill: colour } };
    },
  };
}

function upright(x: number, top: number, paint: Paint): LineSeriesOption {
  const data = [
    [x, 0],
    [x, top],
  ];
  return { type: 'line', name: 'reference', silent: true, z: 4, data, ...referenceLooks(paint) };
}

function axis(name: string, { min, max, step }: Scale, { ink: color }: Paint) {
  return {
    type: 'value',
    name,
    min,
    max,
    interval: step,
    nameTextStyle: { color },
    axisLabel: { color, hideOverlap: true },
    axisTick: { lineStyle: { color } },
    axisLine: { lineStyle: { color }, onZero: false },
  } as const;
}

/** The chart in words. */
function describe({ label, kinds, line }: Histogram): string {
  const said = (value: number): string => String(Number(value.toPrecision(3)));
  const parts = kinds.map(({ name, values }) => {
    const drawn = values.filter(Number.isFinite).sort((a, b) => a - b);
    return drawn.length === 0
      ? `${name}: none.`
      : `${name}: ${drawn.length}, from ${said(drawn[0]!)} to ${said(drawn.at(-1)!)}.`;
  });
  return [`Tokens over ${label}.`, ...parts, ...(line ? [`${line.name}: ${said(line.x)}.`] : [])].join(' ');
}
