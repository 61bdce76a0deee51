/** Accuracy against budget as drawings. */
import { legendAlone } from '../charts/legend.ts';
import { type LineChart, lineChart } from '../charts/line-chart.ts';
import { html, Markup } from '../charts/markup.ts';
import { wideAndNarrow } from '../charts/page.ts';
import { onWhite } from '../charts/palette.ts';
import type { EvalReport } from './evaluate.ts';
import { curves, ofType, typesOf } from './groups.ts';

/** Width of what has to fit a phone, in pixels. */
const NARROW = 358;

const x = { label: 'video tokens computed (%), fewer to the right', percent: true, reversed: true } as const;
const y = { label: 'right answers (%)', percent: true } as const;

/** The main chart as a file of its own, on white. */
export function evalSvg(report: EvalReport): string {
  const title = `Accuracy against budget: ${report.model}, ${report.questions} questions`;
  return lineChart({ ...mainChart(report), title, heading: true, width: 880, height: 440, paint: onWhite });
}

/** The main chart for a page. */
export function accuracyFigure(report: EvalReport): Markup {
  const chart = mainChart(report);
  const wide = lineChart({ ...chart, width: 928, height: 440 });
  return wideAndNarrow(wide, lineChart({ ...chart, width: NARROW, height: 340, legend: 'below' }));
}

function mainChart(report: EvalReport): Omit<LineChart, 'width' | 'height'> {
  return { title: `Accuracy against budget, ${report.model}`, x, y, ...curves(report) };
}

/** A small chart for every type, all with the same axis, under one legend. */
export function typeFigures(report: EvalReport): Markup {
  const { series, reference } = curves(report);
  const legend = legendAlone(series, reference, { width: NARROW, title: 'Legend of the charts by type' });
  const figures = typesOf(report).map((type) => {
    const total = Math.max(0, ...report.runs.map((run) => ofType(run, type)?.total ?? 0));
    const chart = { title: `Accuracy against budget, ${type}`, x, y: { ...y, range: [0, 100] as const } };
    const ofThis = curves(report, (run) => ofType(run, type));
    const drawn = new Markup(lineChart({ ...chart, ...ofThis, width: NARROW, height: 210, legend: 'none' }));
    return html`<figure><h3>${type} <small>(${total} questions)</small></h3>${total > 0 ? drawn : html`<p class="note">No questions.</p>`}</figure>\n`;
  });
  return html`<div class="legend">${new Markup(legend)}</div>
<div class="multiples">
${figures}</div>`;
}
