/** The flags of `ff-run`: one table that parsing, checking and the help text share. */

import { type AdapterChoice, adapterChoices } from '../engine/node-adapter.ts';
import { quoted } from '../engine/text.ts';
import { reducers } from '../framefusion/reducers.ts';
import { weightsConfig } from '../library/catalogue.ts';
import { DEFAULT_COST } from '../models/defaults.ts';
import { dtypes, type ModelDType } from '../models/weights.ts';
import { type FlagTable, FlagValues, flagLines, given, shared, UsageError } from './flags.ts';
import { isModulePath, pastedPath, timeOf } from './values.ts';

/** What `ff-run` was asked to do. Absent: the model's or the project's default. */
export interface RunArguments {
  /** In the order in which the model is shown them; none only where there are images, or a plan is asked for. */
  readonly videos: readonly string[];
  /** Files, in the order in which the model is shown them, before the videos. */
  readonly images: readonly string[];
  readonly prompt?: string;
  readonly model?: string;
  readonly cost: number;
  /** Share of the video tokens that is left in the end, instead of a cost. */
  readonly keep?: number;
  readonly parity: boolean;
  readonly renumber?: boolean;
  readonly similarity?: number;
  readonly ratio?: number;
  readonly reducer: string;
  /** A module. */
  readonly family?: string;
  readonly budgetLayers: 'own' | number;
  readonly kv: 'keep' | 'compact';
  readonly separators: 'keep' | 'prune';
  readonly scoreRows: 'own' | number;
  readonly frames?: number;
  readonly fps?: number;
  /** Seconds. */
  readonly start?: number;
  readonly end?: number;
  readonly forceSample: boolean;
  readonly processor?: string;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly rawPrompt: boolean;
  readonly allowLong: boolean;
  readonly seed: number;
  readonly chat: boolean;
  readonly compare: boolean;
  readonly plan: boolean;
  readonly json?: string;
  /** Ends in .html or .png. */
  readonly report?: string;
  readonly adapter: AdapterChoice;
  readonly dtype?: ModelDType;
  /** Bytes. */
  readonly memory?: number;
  readonly quiet: boolean;
  readonly verbose: boolean;
}

const flags = {
  video: {
    value: 'FILE',
    short: 'v',
    many: true,
    help: 'the video: a file, an http address, or - for standard input; may be repeated',
  },
  image: { value: 'FILE', many: true, help: 'a picture (PNG, JPEG, WebP), for models that take some; may be repeated' },
  prompt: { value: 'TEXT', short: 'p', help: 'the question (default: the model\'s own, else "Describe the video.")' },
  model: {
    value: 'NAME|DIR|ID',
    short: 'm',
    help: 'a name of weights.config.json, a folder, or a Hugging Face id: owner/name[@revision]',
  },
  cost: { value: 'X', help: 'share of the video tokens to compute, in (0, 1] (default 0.3; 1 runs dense)' },
  keep: {
    value: 'X',
    help: 'instead: share of the video tokens left after all reduction (simdiff, flashvid, vidcom2, evs, holitom)',
  },
  parity: { help: "these reducers as in their authors' code, bugs included (docs/deviations.md)" },
  renumber: { help: 'tokens left get the positions of the shortened prompt (flashvid, vidcom2, holitom)' },
  similarity: {
    value: 'X',
    help: "tokens this similar are alike (default: for framefusion the model's, else 0.6; else the method's)",
  },
  ratio: { value: 'X', help: "stop merging below this share (default: the model's, else 0.1)" },
  reducer: {
    value: 'NAME|FILE',
    help: `${Object.keys(reducers).join(', ')} (default framefusion), or a module of your own`,
  },
  family: { value: 'FILE', help: 'a module with a family of models of your own' },
  'budget-layers': {
    value: 'own|N',
    help: "layers the budget counts: the model's (own), or the reference's 28",
  },
  kv: { value: 'keep|compact', help: "compact: also drop removed tokens from the removing layer's cache" },
  separators: { value: 'keep|prune', help: 'prune: text between the frames competes with them, as in the reference' },
  'score-rows': { value: 'own|N', help: "rank tokens by the prompt's last N rows (default: as the model's reference)" },
  frames: { value: 'N', help: "sample at most N frames (default: the model's)" },
  fps: { value: 'X', help: 'sample X frames per second (default: the model decides, else 1)' },
  start: { value: 'TIME', help: 'look at the video from here on: seconds, or [h:]mm:ss' },
  end: { value: 'TIME', help: 'and up to here' },
  'force-sample': { help: 'spread the frames over the whole video, however long' },
  processor: {
    value: 'NAME',
    help: 'prepare videos as this library does, where a model is known with several (docs/deviations.md)',
  },
  'max-new-tokens': { value: 'N', help: 'stop after N tokens (default 256)' },
  temperature: { value: 'X', help: 'above 0: sample tokens at this temperature (default 0, greedy)' },
  'top-p': {
    value: 'X',
    help: "sample from the most probable tokens that reach X together (default: the model's, else 1)",
  },
  'top-k': { value: 'N', help: "sample from the N most probable tokens, 0 for all (default: the model's, else 0)" },
  'min-p': { value: 'X', help: "sample no token below X times the largest probability (default: the model's, else 0)" },
  'repetition-penalty': {
    value: 'X',
    help: "make tokens that have come less probable by X, 1 for no less (default: the model's, else 1)",
  },
  seed: { value: 'N', help: 'random seed, for sampling and --reducer random (default 0)' },
  'raw-prompt': { help: 'special tokens in --prompt, like <|im_end|>, are such, and not text' },
  'allow-long': { help: 'answer also where the prompt is longer than the model was made for' },
  chat: { help: 'ask several questions about the video, on the terminal' },
  compare: { help: 'run dense and reduced one after the other, and compare' },
  examples: { help: 'print questions that the embedded model understands' },
  plan: { help: 'print the memory the run would need, and stop; needs no video' },
  memory: { value: 'GB', help: 'refuse to use more (default: what the adapter gives)' },
  json: { value: 'FILE|-', help: 'write the whole report (docs/report.md); - prints it and nothing else' },
  report: { value: 'FILE', help: 'show what became of every token: a page (.html) or a picture (.png)' },
  adapter: shared.adapter,
  dtype: shared.dtype,
  quiet: { help: 'no progress, no notes, no table' },
  verbose: { help: 'say more: every layer, every step' },
  help: shared.help,
  version: shared.version,
} as const satisfies FlagTable;

/** Characters of a line of the help text. */
const LINE = 92;

/** The text of `--help`. */
export function helpText(): string {
  const { default: model, models } = weightsConfig();
  return [
    'Usage: ff-run VIDEO [QUESTION] [--model NAME] [--cost X] [...]',
    '',
    'Answers a question about a video with a video language model on WebGPU. FrameFusion merges',
    'and prunes its video tokens down to a budget. The answer goes to standard output.',
    '',
    ...flagLines(flags),
    '',
    `Models, by their names (default ${model}):`,
    ...modelLines(Object.keys(models)),
    'Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted.',
  ].join('\n');
}

/** Names of models, those of an owner together. */
function modelLines(names: readonly string[]): string[] {
  const ownerOf = (name: string): string => name.slice(0, name.indexOf('/') + 1);
  return [...new Set(names.map(ownerOf))].flatMap((owner) => {
    const own = names.filter((name) => ownerOf(name) === owner).map((name) => name.slice(owner.length));
    return owner ? wrapped(`  ${owner}`, own) : own.map((name) => `  ${name}`);
  });
}

/** A list behind its heading, in lines of at most `LINE` characters. */
function wrapped(heading: string, items: readonly string[]): string[] {
  const lines = [heading];
  for (const item of items) {
    const line = `${lines.at(-1)} ${item}`;
    if (line.length <= LINE) lines[lines.length - 1] = line;
    else lines.push(`    ${item}`);
  }
  return lines;
}

/**
 * Parses a command line.
 *
 * @returns The arguments, or the one thing that was asked for instead.
 * @throws UsageError with one line that says what is wrong.
 */
export function parseArguments(argv: readonly string[]): RunArguments | 'help' | 'version' | 'examples' {
  const values = new FlagValues('ff-run', flags, argv, ['video', 'prompt']);
  if (values.has('help')) return 'help';
  if (values.has('version')) return 'version';
  if (values.has('examples')) return 'examples';
  const videos = values
    .texts('video')
    .map(pastedPath)
    .filter((video) => video !== '');
  const images = values.texts('image').map(pastedPath);
  if (videos.length === 0 && images.length === 0 && !values.has('plan'))
    throw new UsageError('A video is needed: ff-run VIDEO [QUESTION]. See ff-run --help.');
  const prompt = values.text('prompt');
  if (prompt?.trim() === '') throw new UsageError('--prompt must not be empty.');
  const similarity = values.number('similarity', 'a number above -2', (x) => x > -2);
  const ratio = values.number('ratio', 'from 0 to 1', (x) => x >= 0 && x <= 1);
  const fps = values.number('fps', 'above 0 and at most 1000', (x) => x > 0 && x <= 1000);
  const memory = values.number('memory', 'above 0', (x) => x > 0);
  const reducer = values.oneOf('reducer', Object.keys(reducers), isModulePath) ?? 'framefusion';
  if (values.has('compare') && reducer === 'none')
    throw new UsageError('--compare needs a reducer to compare the dense model with, not none.');
  const report = values.text('report');
  for (const other of ['compare', 'plan', 'json', 'report'] as const)
    if (values.has('chat') && (values.has(other) || values.text(other) !== undefined))
      throw new UsageError(`--chat answers on the terminal: leave --${other} out.`);
  const piped = videos.filter((video) => video === '-').length;
  if (piped > 1) throw new UsageError('--video -: standard input has one video. Name the others by their files.');
  if (values.has('chat') && piped > 0)
    throw new UsageError('--chat reads questions from standard input: name the video by its file.');
  if (report !== undefined && !/\.(html|png)$/i.test(report))
    throw new UsageError(`--report must name a file that ends in .html or .png, got ${quoted(report)}.`);
  if (report !== undefined && videos.length === 0)
    throw new UsageError('--report shows the frames of a video: a video is needed.');
  if (report !== undefined && videos.length > 1)
    throw new UsageError(
      `--report shows the frames of one video, got ${videos.length}: leave it out, or ask about one.`,
    );
  const whole = (x: number): boolean => Number.isSafeInteger(x) && x >= 0;
  return {
    videos,
    images,
    ...given('prompt', prompt),
    ...given('model', values.text('model')),
    cost: values.number('cost', 'above 0 and at most 1', (x) => x > 0 && x <= 1) ?? DEFAULT_COST,
    ...given(
      'keep',
      values.number('keep', 'above 0 and at most 1', (x) => x > 0 && x <= 1),
    ),
    parity: values.has('parity'),
    ...(values.has('renumber') && { renumber: true }),
    ...given('similarity', similarity),
    ...given('ratio', ratio),
    reducer,
    ...given('family', values.text('family')),
    budgetLayers: values.text('budget-layers') === 'own' ? 'own' : (values.count('budget-layers') ?? 'own'),
    kv: values.oneOf('kv', ['keep', 'compact']) ?? 'keep',
    separators: values.oneOf('separators', ['keep', 'prune']) ?? 'keep',
    scoreRows: values.text('score-rows') === 'own' ? 'own' : (values.count('score-rows') ?? 'own'),
    ...given('frames', values.count('frames')),
    ...given('fps', fps),
    ...timesOf(values.text('start'), values.text('end')),
    forceSample: values.has('force-sample'),
    ...given('processor', values.text('processor')),
    maxNewTokens: values.count('max-new-tokens') ?? 256,
    temperature: values.number('temperature', 'from 0 to 1000', (x) => x >= 0 && x <= 1000) ?? 0,
    ...given(
      'topP',
      values.number('top-p', 'above 0 and at most 1', (x) => x > 0 && x <= 1),
    ),
    ...given(
      'topK',
      values.number('top-k', 'a whole number from 0 on', (x) => whole(x) && x < 2 ** 32),
    ),
    ...given(
      'minP',
      values.number('min-p', 'from 0 to 1', (x) => x >= 0 && x <= 1),
    ),
    ...given(
      'repetitionPenalty',
      values.number('repetition-penalty', 'above 0', (x) => x > 0),
    ),
    rawPrompt: values.has('raw-prompt'),
    allowLong: values.has('allow-long'),
    seed: values.number('seed', 'a whole number from 0 on', whole) ?? 0,
    chat: values.has('chat'),
    compare: values.has('compare'),
    plan: values.has('plan'),
    ...given('json', values.text('json')),
    ...given('report', report),
    adapter: values.oneOf('adapter', adapterChoices) ?? 'auto',
    ...given('dtype', values.oneOf('dtype', dtypes)),
    ...given('memory', memory === undefined ? undefined : memory * 1e9),
    quiet: values.has('quiet'),
    verbose: values.has('verbose'),
  };
}

/** @throws UsageError if the part of the video that is asked for has no length. */
function timesOf(from: string | undefined, to: string | undefined): Pick<RunArguments, 'start' | 'end'> {
  const start = from === undefined ? undefined : timeOf('start', from);
  const end = to === undefined ? undefined : timeOf('end', to);
  if (end !== undefined && end <= (start ?? 0))
    throw new UsageError(`--end must be after --start, got ${to} and ${from ?? 0}.`);
  return { ...given('start', start), ...given('end', end) };
}
