/** The page that reports are: one file, nothing loaded, light and dark, screen and paper. */
import { createHash } from 'node:crypto';
import { html, Markup } from './markup.ts';
import { chartCss } from './palette.ts';

/** What differs from page to page. */
export interface Page {
  readonly title: string;
  /** Style of its own, after the common one. */
  readonly css?: string;
  /** Inside `<main>`, after the title. */
  readonly body: Markup;
  /** A program of its own, which runs when the body is there, and what it finds as JSON in the element `data`. */
  readonly script?: { readonly program: string; readonly data: unknown };
}

/** The whole file. The policy in its head forbids whatever would leave it, and every program but its own. */
export function page({ title, css = '', body, script }: Page): string {
  const hash = script && createHash('sha256').update(script.program).digest('base64');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:${hash && `; script-src 'sha256-${hash}'`}">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${new Markup(`${pageCss}${chartCss}${css}`)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
${script && scripts(script)}</body>
</html>
`.text;
}

/** The data and the program. In JSON a `<`, which could end the element, may be written so. */
function scripts({ program, data }: NonNullable<Page['script']>): Markup {
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return new Markup(
    `<script type="application/json" id="data">${json}</script>\n<script type="module">${program}</script>\n`,
  );
}

/**
 * A table in a box that scrolls by itself where it is too wide, by keyboard as well.
 *
 * @param labelledBy - Id of the heading that names it.
 */
export function scrollBox(labelledBy: string, table: Markup): Markup {
  return html`<div class="scroll" role="region" aria-labelledby="${labelledBy}" tabindex="0">${table}</div>`;
}

/** One drawing for wide screens and paper, one for phones; only one of the two is there at a time. */
export function wideAndNarrow(wide: string, narrow: string): Markup {
  return html`<div class="wide">${new Markup(wide)}</div><div class="narrow">${new Markup(narrow)}</div>`;
}

const pageCss = `
:root{--page:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--raised:#f6f8fa;--link:#0a58ad}
@media screen and (prefers-color-scheme:dark){
:root{--page:#14171b;--ink:#e6e9ec;--soft:#a3adb8;--line:#3a424c;--raised:#1d2127;--link:#7cc8f2}}
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:62rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 1rem}
h2{font-size:1.25rem;margin:2.5rem 0 .5rem}
h3{font-size:1rem;margin:0 0 .25rem;overflow-wrap:anywhere}
p,ul{max-width:46rem}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.15rem 1rem;margin:0}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
code{font:.875em/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{margin:.25rem 0;padding:.6rem .8rem;background:var(--raised);border:1px solid var(--line);border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere}
figure{margin:1rem 0}
figcaption{margin-top:.75rem}
figcaption,.note{color:var(--soft);font-size:.875rem;max-width:46rem}
.scroll{overflow-x:auto;width:fit-content;max-width:100%;border:1px solid var(--line);border-radius:6px;margin:.75rem 0}
table{border-collapse:separate;border-spacing:0;font-size:.875rem;font-variant-numeric:tabular-nums;line-height:1.35}
th,td{padding:.35rem .7rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line)}
thead th{background:var(--raised);vertical-align:bottom}
.scroll tbody th,.scroll thead tr:first-child th:first-child{position:sticky;left:0;z-index:1;background:var(--raised)}
tbody th,th:first-child{text-align:left}
tbody th{font-weight:500}
tbody:last-child>tr:last-child>*{border-bottom:0}
summary{cursor:pointer;padding:.5rem 0;width:fit-content}
.narrow{display:none}
@media screen and (max-width:40rem){.wide{display:none}.narrow{display:block}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}}
@media print{
main{max-width:none;padding:0}
.scroll{overflow:visible;border:0}
.scroll tbody th,.scroll thead tr:first-child th:first-child{position:static}
figure,tr,dl>*{break-inside:avoid}
h2,h3{break-after:avoid}
details:not([open])::details-content{content-visibility:visible;height:auto;display:block}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}`;
