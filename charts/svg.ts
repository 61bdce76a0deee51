/** ECharts as a function from options to SVG: no DOM, nothing that moves, no script. */
import { CustomChart, type CustomSeriesOption, LineChart, type LineSeriesOption } from 'echarts/charts';
import {
  GridComponent,
  type GridComponentOption,
  type LegendComponentOption,
  LegendPlainComponent,
  TitleComponent,
  type TitleComponentOption,
} from 'echarts/components';
import { type ComposeOption, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { escapeText } from './markup.ts';

use([LineChart, CustomChart, GridComponent, LegendPlainComponent, TitleComponent, SVGRenderer]);

/** What a chart of ours may hold. */
export type ChartOption = ComposeOption<
  LineSeriesOption | CustomSeriesOption | GridComponentOption | LegendComponentOption | TitleComponentOption
>;

/** Size of all text, in pixels of the drawing. */
export const FONT_PIXELS = 12;
/** As the pages have it. */
const FONTS = 'system-ui, Segoe UI, Roboto, Helvetica, Arial, sans-serif';
/** How much wider text may be than ECharts, which has no font to measure with, thinks. */
export const WIDER = 1.15;
/** The same of bold text. */
export const BOLDER = 1.4;

/** How a drawing is named and how large it is. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  /** Its name to those who cannot see it. */
  readonly title: string;
  /** What it shows, in words and numbers. */
  readonly description: string;
  /** Colour behind it, which makes it a file of its own; absent: it stands in a page and has the page's font. */
  readonly surface?: string | undefined;
}

/** Draws. */
export function drawSvg(option: ChartOption, { width, height, title, description, surface }: Frame): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ animation: false, textStyle: { fontSize: FONT_PIXELS, fontFamily: FONTS }, ...option });
    const name = escapeText(title);
    const file = surface === undefined ? 'class="chart"' : 'xmlns="http://www.w3.org/2000/svg"';
    return [
      `<svg ${file} viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${name}">`,
      `<title>${name}</title><desc>${escapeText(description)}</desc>`,
      surface === undefined ? '' : `<rect width="${width}" height="${height}" fill="${surface}"/>`,
      `${chart.renderToSVGString()}</svg>`,
    ].join('');
  } finally {
    chart.dispose(); // its timers would keep the process alive
  }
}
