/**
 * What tells series apart: colour, symbol and dashes together, so that none of them is needed.
 *
 * @see Okabe & Ito 2008, https://jfly.uni-koeln.de/color/. Their yellow is left out, which nobody sees on white.
 */

import type { LineSeriesOption } from 'echarts/charts';

/** Blue, vermillion, bluish green, reddish purple, orange, sky blue, black. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#1b1f24'] as const;

/** The same hues, lightened to stand out from a dark page; white for black. */
const darkColours = ['#3d9fdb', '#f0803c', '#1fbf92', '#e09abf', '#e69f00', '#7cc8f2', '#e6e9ec'] as const;

const symbols = [
  'circle',
  'rect',
  'triangle',
  'diamond',
  'path://M0 0H10L5 9Z', // a triangle on its tip
  'path://M3 0H7V3H10V7H7V10H3V7H0V3H3Z', // a plus
  'path://M0 2L2 0L5 3L8 0L10 2L7 5L10 8L8 10L5 7L2 10L0 8L3 5Z', // a cross
  'path://M5 0L10 4L8 10H2L0 4Z', // a pentagon
] as const;

const dashes = ['solid', [7, 3], [2, 2], [9, 3, 2, 3], [4, 2]] as const;

/** Colours of a chart for one kind of surroundings. */
export interface Paint {
  readonly ink: string;
  readonly grid: string;
  /** Of a reference's interval. */
  readonly band: string;
  readonly series: readonly string[];
  /** Behind the drawing; absent: see-through. */
  readonly surface?: string;
}

/** For a chart inside a page: the colours are the page's, which `chartCss` sets for light and dark. */
export const onPage: Paint = {
  ink: 'currentColor',
  grid: 'var(--chart-grid)',
  band: 'var(--chart-band)',
  series: colours.map((_, i) => `var(--chart-${i})`),
};

/** For a chart that is a file of its own. */
export const onWhite: Paint = { ink: '#1b1f24', grid: '#dfe3e8', band: '#e9ecf0', series: colours, surface: '#ffffff' };

const variables = (grid: string, band: string, list: readonly string[]): string =>
  [`--chart-grid:${grid}`, `--chart-band:${band}`, ...list.map((colour, i) => `--chart-${i}:${colour}`)].join(';');

/** What a page with charts in it needs. Print is light whatever the screen is. */
export const chartCss = `
:root{${variables(onWhite.grid, onWhite.band, colours)}}
@media screen and (prefers-color-scheme:dark){:root{${variables('#333941', '#272c33', darkColours)}}}
.chart{display:block;width:100%;height:auto}`;

/** What makes a line recognisable. */
export type Looks = Required<Pick<LineSeriesOption, 'symbol' | 'symbolSize' | 'lineStyle' | 'itemStyle'>>;

/** The colour of the series at `index`. */
export function seriesColour(index: number, paint: Paint): string {
  return paint.series[index % paint.series.length]!;
}

/** How the series at `index` looks. Any two of the first fifty differ in colour or symbol. */
export function seriesLooks(index: number, paint: Paint, symbolSize = 8): Looks {
  const color = seriesColour(index, paint);
  const dash = dashes[index % dashes.length]!;
  return {
    symbol: symbols[index % symbols.length]!,
    symbolSize,
    lineStyle: { color, width: 1.75, type: dash === 'solid' ? dash : [...dash] },
    itemStyle: { color },
  };
}

/** How a reference level looks: ink, dotted. */
export function referenceLooks({ ink: color }: Paint): Looks {
  return {
    symbol: 'none',
    symbolSize: 0,
    lineStyle: { color, width: 2, type: [0.1, 4], cap: 'round' },
    itemStyle: { color },
  };
}
