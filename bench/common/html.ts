/** A bench as a page: its curves, if it has any, and its tables. */
import { html, type Markup } from '../../charts/markup.ts';
import { page, scrollBox } from '../../charts/page.ts';
import type { BenchTable } from './print.ts';
import type { BenchReport } from './report.ts';

/** The whole page. What comes from the report is escaped. */
export function benchHtml(report: BenchReport, tables: readonly BenchTable[], curves?: Markup): string {
  return page({
    title: `ff-bench ${report.bench} on ${report.adapter.name}`,
    css,
    body: html`${origin(report)}
${curves}
${tables.map((table, i) => tableMarkup(table, `table-${i}`))}
<footer class="note">Made by ff-bench of ${report.tool}.</footer>`,
  });
}

function origin({ adapter, machine, packages, commit, date, seed, command }: BenchReport): Markup {
  const entry = (name: string, value: Markup | string): Markup => html`<dt>${name}</dt><dd>${value}</dd>\n`;
  const driver = [adapter.vendor, adapter.architecture, adapter.device, adapter.description].filter(Boolean).join(', ');
  const software = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return html`<dl>
${entry('adapter', `${adapter.name} (${adapter.kind}): ${driver}`)}${entry('machine', `${machine.processor}, ${machine.cores} cores, ${machine.platform}, Node ${machine.node}`)}${entry('packages', software.join(', '))}${entry('commit', commit ?? 'not known')}${entry('date', date)}${entry('seed', String(seed))}${entry('command', html`<pre><code>${command}</code></pre>`)}</dl>`;
}

function tableMarkup({ title, head, rows, notes = [] }: BenchTable, id: string): Markup {
  const line = ([first, ...rest]: readonly string[]): Markup =>
    html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`;
  return html`<h2 id="${id}">${title}</h2>
${scrollBox(
  id,
  html`<table><thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead><tbody>\n${rows.map(line)}</tbody></table>`,
)}
${notes.map((note) => html`<p class="note">${note}</p>\n`)}`;
}

const css = `
td,th{white-space:nowrap}
footer{margin-top:2rem}
@page{size:A4 landscape;margin:12mm}`;
