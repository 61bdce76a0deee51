/** The tables of the HTML report. */
import { html, type Markup } from '../../charts/markup.ts';
import { scrollBox } from '../../charts/page.ts';
import { shareText } from '../quantities.ts';
import { byReducer, denseOf, nameOf, ofType, questionsOf, type Runs, share, typesOf } from './groups.ts';
import { shadeOf } from './shades.ts';
import type { Accuracy, RunSummary } from './summary.ts';

const NOTHING = '–';

/** A line for every run. @param labelledBy - Id of the heading above. */
export function accuracyRows(report: Runs, labelledBy: string): Markup {
  const dense = denseOf(report);
  const line = (run: RunSummary): Markup =>
    html`<tr><th scope="row">${nameOf(run.reducer)}</th><td>${budget(run)}</td><td><b>${percent(share(run))}</b></td><td>${intervalOf(run)}</td><td>${relative(run, dense)}</td><td>${run.right}/${run.total}</td><td>${percent(run.computedShare)}</td><td>${run.reducer === 'framefusion' ? percent(run.mergedThenPruned) : NOTHING}</td></tr>\n`;
  return scrollBox(
    labelledBy,
    html`<table>
<thead><tr><th scope="col">reducer</th><th scope="col">budget</th><th scope="col">accuracy</th><th scope="col">95 % interval</th><th scope="col">of dense</th><th scope="col">right</th><th scope="col">computed</th><th scope="col">merged,<br>then pruned</th></tr></thead>
${byReducer(report).map(({ runs }) => html`<tbody>\n${runs.map(line)}</tbody>\n`)}</table>`,
  );
}

/** A line for every type, a column for every run; the shade of a cell is its difference to dense. */
export function typeRows(report: Runs, labelledBy: string): Markup {
  const groups = byReducer(report);
  const runs = groups.flatMap((group) => group.runs);
  const firsts = new Set(groups.map((group) => group.runs[0]));
  const dense = denseOf(report);
  const line = (type: string): Markup => {
    const level = dense && ofType(dense, type);
    const cells = runs.map((run) => typeCell(ofType(run, type), run === dense ? undefined : level, firsts.has(run)));
    return html`<tr><th scope="row">${type}</th><td>${questionsOf(report, type)}</td>${cells}</tr>\n`;
  };
  return scrollBox(
    labelledBy,
    html`<table class="types" style="--print-size:${printSize(runs.length)}">
<thead><tr><th scope="col" rowspan="2">type</th><th scope="col" rowspan="2">questions</th>${groups.map((group) => html`<th scope="colgroup" colspan="${group.runs.length}">${group.name}</th>`)}</tr>
<tr>${runs.map((run) => html`<th scope="col"${classOf(firsts.has(run) && 'first')}>${budget(run)}</th>`)}</tr></thead>
<tbody>
${typesOf(report).map(line)}</tbody></table>`,
  );
}

/** Size of the text at which so many columns fit a sheet. */
function printSize(runs: number): string {
  return `${Math.min(9, 230 / (runs + 2)).toFixed(1)}pt`;
}

/** The accuracy, and below it the difference to dense in points; bold where the two intervals have nothing in common. */
function typeCell(found: Accuracy | undefined, dense: Accuracy | undefined, first: boolean): Markup {
  const border = first && 'first';
  if (!found || found.total === 0) return html`<td${classOf(border)}>${NOTHING}</td>`;
  const text = (100 * share(found)).toFixed(1);
  if (!dense || dense.total === 0) return html`<td${classOf(border)}>${text}</td>`;
  const points = 100 * (share(found) - share(dense));
  const apart = found.interval[1] < dense.interval[0] || found.interval[0] > dense.interval[1];
  const difference = apart ? html`<b>${signed(points)}</b>` : signed(points);
  return html`<td${classOf(border, shadeOf(points))}>${text}<br><small>${difference}</small></td>`;
}

function classOf(...names: readonly (string | false | undefined)[]): Markup | undefined {
  const given = names.filter((name) => name).join(' ');
  return given === '' ? undefined : html` class="${given}"`;
}

/** A budget as it was asked for. */
export function budget({ cost, tokens }: Pick<RunSummary, 'cost' | 'tokens'>): string {
  return tokens === undefined ? `${Number((100 * cost).toFixed(3))} %` : `${tokens} tokens`;
}

/** A share as percent. */
export function percent(value: number): string {
  return Number.isFinite(value) ? shareText(value) : NOTHING;
}

function intervalOf({ interval: [low, high], total }: Accuracy): string {
  return total === 0 ? NOTHING : `${(100 * low).toFixed(1)} to ${percent(high)}`;
}

function relative(run: RunSummary, dense: RunSummary | undefined): string {
  return dense && dense !== run ? percent(share(run) / share(dense)) : NOTHING;
}

function signed(points: number): string {
  const text = Math.abs(points).toFixed(1);
  if (text === '0.0') return '0.0';
  return `${points < 0 ? '−' : '+'}${text}`;
}
