/** What the run took, and what it takes to do it again. */
import { entries, html, type Markup } from '../../charts/markup.ts';
import { scrollBox } from '../../charts/page.ts';
import { bytesText } from '../../engine/text.ts';
import { precisionText, type Report, type ReportOfVideo, type RunReport } from '../report.ts';

/** Seconds of every stage. */
export function timeSection({ seconds, runs }: Report): Markup {
  const shared = [
    ['opening the adapter and loading', seconds.load],
    ['decoding the video', seconds.decodeVideo],
    ['resizing frames', seconds.preprocess],
    ['vision encoding', seconds.vision],
  ] as const;
  const own: [string, (run: RunReport) => string][] = [
    ['prefill: prompt to first token', (run) => said(run.seconds.prefill)],
    ['decoding: first token to last', (run) => said(run.seconds.decode)],
    ['tokens a second', ({ tokensPerSecond }) => tokensPerSecond?.toFixed(1) ?? '–'],
    ['peak memory on the GPU', ({ peakGpuBytes }) => bytesText(peakGpuBytes)],
    ['cache of the prompt', ({ cacheBytes }) => bytesText(cacheBytes)],
  ];
  return scrollBox(
    'time',
    html`<table>
<thead><tr><th scope="col">stage</th>${runs.map(({ reducer }) => html`<th scope="col">${reducer === 'none' ? 'dense' : reducer}</th>`)}</tr></thead>
<tbody>
${shared.map(([name, value]) => html`<tr><th scope="row">${name}</th><td colspan="${runs.length}">${said(value)}</td></tr>\n`)}${own.map(([name, of]) => html`<tr><th scope="row">${name}</th>${runs.map((run) => html`<td>${of(run)}</td>`)}</tr>\n`)}</tbody></table>`,
  );
}

/** The command line, settings and versions. */
export function originSection(report: ReportOfVideo): Markup {
  const { command, date, tool, system, model, adapter, sampling, video, runs } = report;
  const { name, layers } = model;
  const facts = [adapter.name, adapter.kind, adapter.vendor, adapter.architecture, adapter.description];
  const settings = Object.entries(runs.at(-1)?.settings ?? {}).map(([key, value]) => `${key} ${value}`);
  return entries([
    ['command', html`<pre><code>${command}</code></pre>`],
    ['date', date],
    ['versions', `${tool}, Node ${system.node}, ${system.platform}`],
    ['model', `${name} (${model.architecture}, ${layers} layers), ${precisionText(model.weights, model.dtype)}`],
    ['adapter', facts.filter(Boolean).join(', ')],
    ['sampling', samplingText(sampling)],
    ['reducer', [runs.at(-1)?.reducer ?? '', ...settings].join(', ')],
    ['frames', `${video.sampled.join(', ')} (decoded by ${video.decoder})`],
  ]);
}

function samplingText({ temperature, topP, topK, minP, repetitionPenalty, seed }: Report['sampling']): string {
  const penalty = `repetition penalty ${repetitionPenalty}`;
  if (temperature === 0) return `greedy, ${penalty}`;
  return `temperature ${temperature}, top-p ${topP}, top-k ${topK || 'all'}, min-p ${minP}, ${penalty}, seed ${seed}`;
}

function said(value: number): string {
  return `${value.toFixed(2)} s`;
}
