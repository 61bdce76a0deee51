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
/** How much wider text may be than ECharts, which has no font to measure with, thinks. */
export const WIDER = 1.15;

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
    const textStyle = { fontSize: FONT_PIXELS, fontFamily: 'sans-serif' };
    chart.setOption({ animation: false, textStyle, ...option });
    const drawn = plain(chart.renderToSVGString());
    const name = escapeText(title);
    const file =
      'xmlns="http://www.w3.org/2000/svg" font-family="system-ui,Segoe UI,Roboto,Helvetica,Arial,sans-serif"';
    return [
      `<svg ${surface === undefined ? 'class="chart"' : file} viewBox="0 0 ${width} ${height}"`,
      ` width="${width}" height="${height}" font-size="${FONT_PIXELS}" role="img" aria-label="${name}">`,
      `<title>${name}</title><desc>${escapeText(description)}</desc>`,
      surface === undefined ? '' : `<rect width="${width}" height="${height}" fill="${surface}"/>`,
      `${drawn}</svg>`,
    ].join('');
  } finally {
    chart.dispose(); // its timers would keep the process alive
  }
}

/**
 * ECharts' SVG without its frame, without what only a mouse meets (invisible areas, hover rules), without the clips
 * around what lies inside anyway, whose names would collide between the charts of a page, and without what is the same
 * on every element. What is not recognised stays as it is.
 */
function plain(svg: string): string {
  return svg
    .replace(/^<svg[^>]*>\s*<rect[^>]*>(<\/rect>)?|<\/svg>\s*$/g, '')
    .replace(/<style[^>]*>[\s\S]*?<\/style>/g, '')
    .replace(/<path [^>]*(fill-opacity="0"|fill="none" pointer-events="visible" ecmeta)[^>]*><\/path>/g, '')
    .replace(/<g clip-path="[^"]*">\s*((?:<path[^>]*><\/path>\s*)*)<\/g>/g, '$1')
    .replace(/<defs\s*>(\s*<clipPath[^>]*>\s*<path[^>]*><\/path>\s*<\/clipPath>)*\s*<\/defs>/g, '')
    .replace(/ (class="zr[^"]*"|ecmeta_\w+="[^"]*"|pointer-events="visible"|xml:space="preserve")/g, '')
    .replace(/ (stroke-miterlimit="10"|stroke-linecap="butt"|stroke-linejoin="bevel")/g, '')
    .replace(/ style="font-size:12px;font-family:sans-serif;"/g, '')
    .replace(/(?<=transform="[^"]*\.\d)\d+/g, '') // tenths of a pixel are enough
    .replace(/><\/path>/g, '/>')
    .replace(/>\s*\n\s*</g, '><')
    .trim();
}
