/** What became of every token, as a page: one file that needs no server and no network. */
import { entries, html, type Markup } from '../../charts/markup.ts';
import { page } from '../../charts/page.ts';
import type { TokenGrid } from '../../models/inputs.ts';
import { type DrawnFrame, playerCss, playerSection } from '../../viewer/markup.ts';
import { played } from '../../viewer/played.ts';
import program from '../../viewer/report.browser.ts?text';
import type { Answered } from '../answers.ts';
import { shareText } from '../quantities.ts';
import { precisionText, type ReportOfVideo } from '../report.ts';
import { answersCss, answersSection } from './answers.ts';
import { layerFigure } from './charts.ts';
import { headline, headlineCss, introduction, reading, shortName } from './introduction.ts';
import { originSection, timeSection } from './settings.ts';
import { stepsSection } from './steps.ts';

/** What the page is made from. */
export interface TokenReport {
  readonly report: ReportOfVideo;
  readonly answers: readonly Answered[];
  readonly grid: TokenGrid;
  readonly frames: readonly DrawnFrame[];
}

/** The whole page. It plays the last run: the reduced one. */
export function tokenReportHtml({ report, answers, grid, frames }: TokenReport): string {
  const run = answers.at(-1);
  if (!run?.trace) throw new Error('a token report needs a trace');
  const data = played(run.trace, grid);
  return page({
    title: `What a model saw of ${shortName(report.video.name)}`,
    css: `${playerCss}${answersCss}${headlineCss}`,
    body: html`${introduction}
${headline(report)}
<h2 id="answer">${answers.length > 1 ? 'Answers' : 'Answer'}</h2>
${(report.notes ?? []).map((note) => html`<p class="warning">${note}</p>\n`)}${summary(report)}
${answersSection(answers)}
<h2 id="frames">Frame by frame</h2>
${reading}
${playerSection(data, frames, report.video)}
<h2 id="layers">Tokens in every layer</h2>
<figure>${layerFigure(run.report)}
<figcaption>A model passes its tokens through its layers, one after another. The dotted line is the budget: what the layers may compute on average. They computed ${shareText(run.report.budget.computedShare)} of the video's tokens.</figcaption></figure>
<h2 id="steps">What was merged and pruned, and why</h2>
${stepsSection(run)}
<h2 id="time">Time</h2>
${timeSection(report)}
<h2 id="again">To do it again</h2>
${originSection(report)}
<footer class="note">Made by ff-run of ${report.tool}.</footer>`,
    script: { program, data },
  });
}

/** What was asked about what. */
function summary({ prompt, video, model, adapter }: ReportOfVideo): Markup {
  const { frames, width, height, durationSeconds, sampled } = video;
  return entries([
    ['question', prompt],
    ['video', `${frames} frames of ${width} x ${height}, ${durationSeconds.toFixed(2)} s; ${sampled.length} sampled`],
    ['model', `${model.name}, ${precisionText(model.weights, model.dtype)}`],
    ['adapter', `${adapter.name}${adapter.kind === 'software' ? ' (software)' : ''}`],
  ]);
}
