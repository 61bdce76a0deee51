/** Accuracy against budget as drawings. */
import { legendAlone } from '../../charts/legend.ts';
import { type LineChart, lineChart } from '../../charts/line-chart.ts';
import { html, Markup } from '../../charts/markup.ts';
import { wideAndNarrow } from '../../charts/page.ts';
import { onWhite } from '../../charts/palette.ts';
import { curves, ofType, type Printable, questionsOf, type Runs, typesOf } from './groups.ts';

/** Width of what has to fit a phone, in pixels. */
const NARROW = 358;

const x = { label: 'video tokens computed (%), fewer to the right', percent: true, reversed: true } as const;
const y = { label: 'right answers (%)', percent: true } as const;

/** The main chart as a file of its own, on white. */
export function evalSvg(report: Printable): string {
  const title = `Accuracy against budget: ${report.model}, ${report.questions} questions`;
  return lineChart({ ...mainChart(report), title, heading: true, width: 880, height: 440, paint: onWhite });
}

/** The main chart for a page. */
export function accuracyFigure(report: Printable): Markup {
  const chart = mainChart(report);
  const wide = lineChart({ ...chart, width: 928, height: 440 });
  return wideAndNarrow(wide, lineChart({ ...chart, width: NARROW, height: 340, legend: 'below' }));
}

function mainChart(report: Printable): Omit<LineChart, 'width' | 'height'> {
  return { title: `Accuracy against budget, ${report.model}`, x, y, ...curves(report) };
}

/** A small chart for every type, all with the same axis, under one legend. */
export function typeFigures(report: Runs): Markup {
  const { series, reference } = curves(report);
  const legend = legendAlone(series, reference, { width: NARROW, title: 'Legend of the charts by type' });
  const common = { x, y: { ...y, range: rangeOfTypes(report) }, width: NARROW, height: 260, symbolSize: 6 } as const;
  const description = 'The values are in the table above.';
  const figures = typesOf(report).map((type) => {
    const total = questionsOf(report, type);
    const title = `Accuracy against budget, ${type}`;
    const ofThis = curves(report, (run) => ofType(run, type));
    const drawn = new Markup(lineChart({ ...common, ...ofThis, title, description, legend: 'none' }));
    return html`<figure><h3>${type} <small>(${total} questions)</small></h3>
${total > 0 ? drawn : html`<p class="note">No questions.</p>`}</figure>\n`;
  });
  return html`<div class="legend">${new Markup(legend)}</div>
<div class="multiples">
${figures}</div>`;
}

/** Least and greatest end of all intervals, so that the charts can be compared. */
function rangeOfTypes(report: Runs): [number, number] {
  const all = report.runs.flatMap(({ byType }) => Object.values(byType));
  const ends = all.filter(({ total }) => total > 0).flatMap(({ interval }) => interval);
  return ends.length === 0 ? [0, 1] : [Math.min(...ends), Math.max(...ends)];
}
