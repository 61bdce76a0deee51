/** An evaluation as a page: one file that needs no server, no script and no network. */
import { entries, html, type Markup } from '../../charts/markup.ts';
import { page } from '../../charts/page.ts';
import { accuracyFigure, typeFigures } from './charts.ts';
import { byReducer, denseOf, type Printable, typesOf } from './groups.ts';
import { accuracyRows, budget, percent, typeRows } from './html-tables.ts';
import { shadeCss, shadeKey } from './shades.ts';
import type { RunSummary } from './summary.ts';

export { evalSvg } from './charts.ts';

/** The whole page. What comes from the report is escaped. */
export function evalHtml(report: Printable): string {
  return page({
    title: `Evaluation of ${report.model}`,
    css: `${shadeCss}${css}`,
    body: html`${origin(report)}
<h2 id="curve">Accuracy against budget</h2>
${figure(report)}
<h2 id="runs">Every run</h2>
${accuracyRows(report, 'runs')}
${typesOf(report).length > 0 && typeSection(report)}
<h2 id="reading">How to read this</h2>
${reading(report)}
<footer class="note">Made by ff-eval of ${report.tool}.</footer>`,
  });
}

/** What was measured, on what, when and how. */
function origin({ data, questions, videos, model, dtype, adapter, date, command }: Printable): Markup {
  return entries([
    ['data', html`<code>${data}</code>, ${questions} questions about ${videos} videos`],
    ['model', `${model}, ${dtype}`],
    ['adapter', adapter],
    ['date', date && readable(date)],
    ['command', command && html`<pre><code>${command}</code></pre>`],
  ]);
}

/** A moment in ISO 8601 to the minute; any other text as it is. */
function readable(date: string): string {
  return date.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*Z$/, '$1 $2 UTC');
}

function figure(report: Printable): Markup {
  if (report.runs.every(({ total }) => total === 0)) return html`<p class="note">No question was answered.</p>`;
  const whiskers =
    hasReducers(report) && 'Upright lines are 95 % intervals; reducers of the same budget stand side by side. ';
  const band = denseOf(report) && 'The dotted line is the dense model, the band its 95 % interval. ';
  return html`<figure>
${accuracyFigure(report)}
<figcaption>${whiskers}${band}The vertical axis need not begin at 0.${offBudget(report)}</figcaption>
</figure>`;
}

/** Names the runs that computed something else than they were asked for: the chart shows them where they were asked. */
function offBudget(report: Printable): string {
  const off = byReducer(report).flatMap(({ name, runs }) => {
    const some = runs.filter(({ cost, computedShare, total }) => total > 0 && Math.abs(computedShare - cost) > 0.01);
    return some.length === 0 ? [] : [`${name} (${some.map(budgetAndSpent).join(', ')})`];
  });
  return off.length === 0 ? '' : ` More than a point off the budget at which they are drawn: ${off.join('; ')}.`;
}

const budgetAndSpent = (run: RunSummary): string => `at ${budget(run)} computed ${percent(run.computedShare)}`;

const hasReducers = ({ runs }: Printable): boolean => runs.some(({ reducer }) => reducer !== 'none');

function typeSection(report: Printable): Markup {
  const compared = denseOf(report) !== undefined && hasReducers(report);
  const below = 'below, the difference to the dense model in points, bold where the two intervals do not overlap';
  return html`<h2 id="types">By type of question</h2>
<p class="note">Right answers in percent${compared && `; ${below}`}.</p>
${compared && shadeKey()}
${typeRows(report, 'types')}
<details>
<summary>A chart for every type</summary>
${typeFigures(report)}
</details>`;
}

function reading(report: Printable): Markup {
  return html`<ul>
<li><b>Right</b> is an answer equal to the true one, but for case, white space and a final full stop; other words for the same count as wrong. With options it must choose the right one, by letter or by text.</li>
<li><b>Budget</b> is the share of the video's tokens that the language model may compute, as a mean over its layers; dense is 100 %. <b>Computed</b> is what it did compute. The vision tower and the words of the question are not part of it.</li>
<li><b>95 % interval</b> in this table is Wilson's, for questions that were drawn independently. Questions about the same video are not quite that, so true intervals are somewhat wider. All runs answer the same questions, so two runs may truly differ although their intervals overlap; a paired test can tell.</li>
<li><b>Of dense</b> is the accuracy divided by that of the dense model.</li>
<li><b>Merged, then pruned</b> is the share of the questions for which merging alone did not reach FrameFusion's budget.</li>
${typesOf(report).length > 1 && html`<li><b>Types</b> have fewer questions each and many cells are compared: some differ by chance.</li>`}
</ul>`;
}

const css = `
.types tbody th{min-width:8rem;max-width:11rem;overflow-wrap:anywhere;white-space:normal}
.types th[colspan]{text-align:center}
.types .first,.types [colspan]{border-left:1px solid var(--line)}
.types td,.types th{padding:.25rem .5rem}
small{font-size:.8em;font-weight:400}
.types small b{font-weight:800}
.key span{display:inline-block;padding:0 .45rem;color:var(--ink)}
.legend{max-width:358px}
.multiples{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17.5rem),1fr));gap:1rem 1.5rem}
.multiples figure{margin:0}
footer{margin-top:2rem}
@page{size:A4;margin:12mm}
@page landscape{size:A4 landscape}
@media print{
.types{page:landscape;font-size:var(--print-size)}
.types td,.types th{padding:1pt 2pt}
.types tbody th{min-width:0;max-width:24mm}
.multiples{grid-template-columns:repeat(2,1fr)}}`;
