/** Legends of fixed places: right of a plot, below it in two columns, or alone for several charts. */
import type { LegendComponentOption } from 'echarts/components';
import { printable } from './markup.ts';
import { onPage, type Paint, referenceLooks, seriesLooks } from './palette.ts';
import { drawSvg, WIDER } from './svg.ts';

/** Series by the name that ECharts knows them by: what data calls them may occur twice. */
export type LegendNames = ReadonlyMap<string, string>;

const ROW_PIXELS = 22;
const SWATCH_PIXELS = 34;

/** The reference, if there is one, and every series. */
export function legendNames(
  series: readonly { readonly name: string }[],
  reference?: { readonly name: string },
): LegendNames {
  const oneLine = (name: string): string => printable(name).replace(/\s+/g, ' ');
  const own: [string, string][] = series.map(({ name }, i) => [`series ${i}`, oneLine(name)]);
  return new Map(reference ? [['reference', oneLine(reference.name)], ...own] : own);
}

/** One column in the margin right of the plot. */
export function legendRight(
  names: LegendNames,
  { paint, width, plot }: { paint: Paint; width: number; plot: { readonly right: number; readonly top: number } },
): LegendComponentOption[] {
  const gap = 16;
  const left = width - plot.right + gap;
  return [{ ...column([...names.keys()], names, paint, plot.right - gap), left, top: plot.top - 7 }];
}

/** Two columns from `top` on. */
export function legendBelow(
  names: LegendNames,
  { paint, width, top }: { paint: Paint; width: number; top: number },
): { option: LegendComponentOption[]; height: number } {
  const keys = [...names.keys()];
  const rows = Math.ceil(keys.length / 2);
  const option = [keys.slice(0, rows), keys.slice(rows)].map((some, i) => ({
    ...column(some, names, paint, width / 2 - 8),
    left: (i * width) / 2,
    top,
  }));
  return { option, height: rows * ROW_PIXELS + 4 };
}

function column(keys: string[], names: LegendNames, paint: Paint, width: number): LegendComponentOption {
  return {
    orient: 'vertical',
    align: 'left',
    padding: 0,
    itemWidth: SWATCH_PIXELS,
    itemHeight: 10,
    itemGap: ROW_PIXELS - 12,
    // A level has no symbol; ECharts would make it one.
    data: keys.map((name) => (name === 'reference' ? { name, itemStyle: { opacity: 0 } } : name)),
    formatter: (key) => names.get(key) ?? key,
    textStyle: { color: paint.ink, width: (width - SWATCH_PIXELS - 5) / WIDER, overflow: 'truncate' },
    selectedMode: false,
  };
}

/** A legend by itself, for charts that are drawn without one. */
export function legendAlone(
  series: readonly { readonly name: string }[],
  reference: { readonly name: string } | undefined,
  { width, title, paint = onPage }: { width: number; title: string; paint?: Paint },
): string {
  const names = legendNames(series, reference);
  const { option, height } = legendBelow(names, { paint, width, top: 4 });
  const hidden = { type: 'value', show: false } as const;
  const looks = [...(reference ? [referenceLooks(paint)] : []), ...series.map((_, i) => seriesLooks(i, paint))];
  const lines = [...names.keys()].map((name, i) => ({ type: 'line' as const, name, data: [], ...looks[i]! }));
  const frame = { width, height: height + 8, title, description: [...names.values()].join(', ') };
  return drawSvg({ legend: option, grid: {}, xAxis: hidden, yAxis: hidden, series: lines }, frame);
}
