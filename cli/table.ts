/** The report as a person reads it after the answer. */
import { stripVTControlCharacters } from 'node:util';
import { bytesText, plainText } from '../engine/text.ts';
import { placeText } from '../models/stats.ts';
import { colours } from './colours.ts';
import { shareText } from './quantities.ts';
import { precisionText, type Report, type RunReport, type VideoReport } from './report.ts';

/** What was saved, in a few lines. */
export function savedTable(report: Report): string {
  const [run] = report.runs;
  if (!run) return '';
  const { tokens, budget } = run;
  const last = tokens.layers.at(-1)?.leaving ?? tokens.prompt;
  const kept = last - (tokens.prompt - tokens.video);
  const seen = report.video ? 'video' : 'picture';
  const rate = run.tokensPerSecond === null ? '' : `, ${run.tokensPerSecond.toFixed(1)} tokens/s`;
  return alignRows([
    ...headRows(report),
    ...(tokens.video > 0
      ? [
          ['tokens', `${tokens.video} of the ${seen}, ${kept} left after ${stepsLine(run)}`],
          ['computed', `${colours.bold(shareText(budget.computedShare))} of the ${seen} tokens (${asked(run)})`],
        ]
      : [['tokens', `${tokens.prompt}, none of a video: nothing is reduced`]]),
    [
      'time',
      `${seconds(report.seconds.decodeVideo + report.seconds.preprocess)} video, ${seconds(report.seconds.vision)} vision, ${seconds(run.seconds.prefill)} prefill, ${seconds(run.seconds.decode)} decode${rate}`,
    ],
    [
      'memory',
      `${bytesText(run.peakGpuBytes)} on the GPU at peak; ${bytesText(run.cacheBytes)} of it is the prompt's cache`,
    ],
  ]);
}

/** Dense and reduced side by side. */
export function compareTable(report: Report): string {
  const [dense, reduced] = report.runs;
  if (!dense || !reduced) return '';
  const line = (name: string, of: (run: RunReport) => string, ratio = '') => [name, of(dense), of(reduced), ratio];
  const measured = (name: string, of: (run: RunReport) => number, said: Said, [less, more]: Ratio): string[] =>
    line(name, (run) => said(of(run)), ratioText(of(dense), of(reduced), less, more));
  const { decodeVideo, preprocess, vision } = report.seconds;
  const shared = decodeVideo + preprocess + vision;
  const speed: Ratio = ['faster', 'slower'];
  return [
    alignRows(headRows(report)),
    alignRows([
      ['', 'dense', reduced.reducer, ''].map((text) => colours.bold(text)),
      line('computed', ({ budget }) => shareText(budget.computedShare), asked(reduced)),
      measured('rows a layer', attended, (rows) => rows.toFixed(0), ['fewer', 'more']),
      measured('cache', (run) => run.cacheBytes, bytesText, ['smaller', 'larger']),
      line('video', () => seconds(decodeVideo + preprocess), 'once for both'),
      line('vision', () => seconds(vision), 'once for both'),
      measured('prefill', (run) => run.seconds.prefill, seconds, speed),
      measured('decode', (run) => run.seconds.decode, seconds, speed),
      measured('total', ({ seconds: { prefill, decode } }) => shared + prefill + decode, seconds, speed),
      line('tokens/s', ({ tokensPerSecond }) => tokensPerSecond?.toFixed(1) ?? '-', ''),
    ]),
    dense.answer === reduced.answer ? 'The answers are the same.' : 'The answers differ.',
  ].join('\n');
}

type Said = (value: number) => string;
type Ratio = readonly [less: string, more: string];

/** Rows in attention, on average over the layers. */
function attended({ tokens }: RunReport): number {
  return tokens.layers.reduce((sum, { attending }) => sum + attending, 0) / tokens.layers.length;
}

/** `2.57x faster`, from what it was and what it is; nothing where there is nothing to compare. */
export function ratioText(was: number, is: number, less: string, more: string): string {
  if (!(was > 0 && is > 0)) return '';
  const ratio = is <= was ? was / is : is / was;
  const text = ratio.toFixed(2);
  return text === '1.00' ? 'the same' : `${text}x ${is < was ? less : more}`;
}

/** Every layer and every step, for `--verbose`. */
export function layerLines(run: RunReport): string[] {
  const steps = run.reduction.map(({ at, action, rowsIn, rowsOut, similarShare, budgetShare }) => {
    const shares = [
      similarShare === undefined ? [] : `${shareText(similarShare)} similar`,
      budgetShare === undefined ? [] : `the budget asks for ${shareText(budgetShare)}`,
    ].flat();
    const why = shares.length > 0 ? ` (${shares.join(', ')})` : '';
    return `${run.reducer}: ${action} ${placeText(at)}: ${rowsIn} rows -> ${rowsOut}${why}`;
  });
  const layers = run.tokens.layers.map(
    ({ entering, attending, leaving }, i) =>
      `layer ${i}: ${entering} rows in, ${attending} in attention, ${leaving} out`,
  );
  return [...steps, ...layers];
}

/** What was asked, about what, with what. */
function headRows({ prompt, video, videos = video ? [video] : [], images = [], model, adapter }: Report): string[][] {
  const question = plainText(prompt, 90);
  const on = `${adapter.name}${adapter.kind === 'software' ? ' (software)' : ''}`;
  return [
    ['question', question],
    ...images.map(({ name, width, height }) => ['image', `${plainText(name)}: ${width}x${height}`]),
    ...videos.map(videoRow),
    ['model', `${model.name}, ${precisionText(model.weights, model.dtype)}, on ${on}`],
  ];
}

function videoRow(video: VideoReport): string[] {
  const { name, frames, width, height, durationSeconds, sampled, repeated, decoder } = video;
  const still = repeated > 0 ? `, ${repeated} of them repeat the one before` : '';
  const shown = `${sampled.length} sampled${still} (${decoder})`;
  const text = `${frames} frames of ${width}x${height}, ${durationSeconds.toFixed(2)} s; ${shown}`;
  return ['video', `${plainText(name)}: ${text}`];
}

function stepsLine({ reduction, reducer }: RunReport): string {
  const done = reduction.filter(({ action }) => action !== 'none');
  if (done.length === 0) return reducer === 'none' ? 'no reduction' : 'no step';
  const names = {
    merge: 'a merge',
    'merge-to-budget': 'a merge to the budget',
    prune: 'pruning',
    drop: 'dropping',
    none: '',
  };
  return done.map(({ action, at }) => `${names[action]} ${placeText(at)}`).join(', ');
}

function asked({ budget, reducer }: RunReport): string {
  return reducer === 'none' ? 'dense' : `asked ${shareText(budget.asked)}`;
}

/** Cells in aligned columns; colours take no width. */
export function alignRows(cells: readonly (readonly string[])[]): string {
  const width = (text: string): number => stripVTControlCharacters(text).length;
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => width(row[column] ?? ''))));
  return cells
    .map((row) =>
      row.map(
        (text, column) => (column === 0 ? colours.dim(text) : text) + ' '.repeat((widths[column] ?? 0) - width(text)),
      ),
    )
    .map((row) => `  ${row.join('  ').trimEnd()}`)
    .join('\n');
}

function seconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 1)} s`;
}
