/** The flags of `ff-run`. */
import { weightsConfig } from '../library/catalogue.ts';
import {
  commandLine,
  count,
  exitCodes,
  fileOf,
  flag,
  fraction,
  instead,
  number,
  on,
  oneOf,
  positive,
  type Reader,
  repeated,
  share,
  shared,
  text,
  UsageError,
  type Values,
  whole,
} from './flags.ts';
import { budgetFlags, encodeFlags, modelFlags, reducerFlags, seedFlag } from './model-flags.ts';
import { pastedPath, timeOf } from './values.ts';

const { model, family, dtype, frames, fps, processor } = modelFlags;

const ownOrCount: Reader<'own' | number> = (given, name) => (given === 'own' ? given : count()(given, name));

const flags = {
  video: {
    ...repeated('FILE', 'the video: a file, an http address, or - for standard input; may be repeated', pastedPath),
    short: 'v',
  },
  image: repeated('FILE', 'a picture (PNG, JPEG, WebP), for models that take some; may be repeated', pastedPath),
  prompt: { ...flag('TEXT', 'the question (default: the model\'s own, else "Describe the video.")', text), short: 'p' },
  model,
  ...budgetFlags,
  ...reducerFlags,
  family,
  'budget-layers': flag(
    'own|N',
    "layers the budget counts: the model's (own), or the reference's 28",
    ownOrCount,
    'own',
  ),
  kv: flag(
    'keep|compact',
    "compact: also drop removed tokens from the removing layer's cache",
    oneOf(['keep', 'compact']),
    'keep',
  ),
  separators: flag(
    'keep|prune',
    'prune: text between the frames competes with them, as in the reference',
    oneOf(['keep', 'prune']),
    'keep',
  ),
  'score-rows': flag(
    'own|N',
    "rank tokens by the prompt's last N rows (default: as the model's reference)",
    ownOrCount,
    'own',
  ),
  frames,
  fps,
  start: flag('TIME', 'use the video from this time on: seconds, or [h:]mm:ss', timeOf),
  end: flag('TIME', 'use the video up to this time', timeOf),
  'force-sample': on('spread the frames over the whole video, however long'),
  ...encodeFlags,
  processor,
  'max-new-tokens': flag('N', 'stop after N tokens (default 256)', count(), 256),
  temperature: flag(
    'X',
    'above 0: sample tokens at this temperature (default 0, greedy)',
    number('from 0 to 1000', (x) => x >= 0 && x <= 1000),
    0,
  ),
  'top-p': flag(
    'X',
    "sample from the most probable tokens that reach X together (default: the model's, else 1)",
    share,
  ),
  'top-k': flag(
    'N',
    "sample from the N most probable tokens, 0 for all (default: the model's, else 0)",
    whole(2 ** 32),
  ),
  'min-p': flag('X', "sample no token below X times the largest probability (default: the model's, else 0)", fraction),
  'repetition-penalty': flag(
    'X',
    "penalty on tokens that occurred already, 1 for none (default: the model's, else 1)",
    positive,
  ),
  seed: seedFlag,
  'raw-prompt': on('read special tokens in --prompt, like <|im_end|>, as such and not as text'),
  'allow-long': on('answer also where the prompt is longer than the model was made for'),
  chat: on('ask several questions about the video, on the terminal'),
  compare: on('run dense and reduced one after the other, and compare'),
  examples: instead('print questions that the embedded model understands'),
  plan: on('print the memory the run would need, and stop; needs no video'),
  memory: shared.memory,
  json: flag('FILE|-', 'write the whole report (docs/report.md); - prints it and nothing else', text),
  report: flag(
    'FILE',
    'show what became of every token: a page (.html) or a picture (.png)',
    fileOf(/\.(html|png)$/i, 'a file that ends in .html or .png'),
  ),
  adapter: shared.adapter,
  dtype,
  quiet: on('no progress, no notes, no table'),
  verbose: on('print every layer and every step of the reducer'),
  help: shared.help,
  version: shared.version,
};

type Parsed = Values<typeof flags>;

/** What `ff-run` was asked to do. Absent: the model's or the project's default. */
export interface RunArguments extends Omit<Parsed, 'video' | 'image'> {
  /** In the order in which the model is shown them; none only where there are images, or a plan is asked for. */
  readonly videos: readonly string[];
  /** Files, in the order in which the model is shown them, before the videos. */
  readonly images: readonly string[];
}

/** Characters of a line of the help text. */
const LINE = 92;

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

/** @throws UsageError where two flags want the terminal or standard input. */
function checkStreams(rest: Omit<Parsed, 'video' | 'image'>, videos: readonly string[]): void {
  for (const other of ['compare', 'plan', 'json', 'report'] as const)
    if (rest.chat && rest[other]) throw new UsageError(`--chat answers on the terminal: leave --${other} out.`);
  const piped = videos.filter((name) => name === '-').length;
  if (piped > 1) throw new UsageError('--video -: standard input has one video. Name the others by their files.');
  if (rest.chat && piped > 0)
    throw new UsageError('--chat reads questions from standard input: name the video by its file.');
}

/** @throws UsageError unless there is one video to report about. */
function checkReport({ report }: Pick<Parsed, 'report'>, { length }: readonly string[]): void {
  if (report === undefined || length === 1) return;
  throw new UsageError(
    length === 0
      ? '--report shows the frames of a video: a video is needed.'
      : `--report shows the frames of one video, got ${length}: leave it out, or ask about one.`,
  );
}

/** Behind the flags: the models. */
function modelsText(): string {
  const { default: model, models } = weightsConfig();
  return [`Models, by their names (default ${model}):`, ...modelLines(Object.keys(models)), exitCodes('1 failed')].join(
    '\n',
  );
}

export const runLine = commandLine('ff-run', {
  about: `Usage: ff-run VIDEO [QUESTION] [--model NAME] [--cost X] [...]

Answers a question about a video with a video language model on WebGPU. FrameFusion merges and prunes
the video's tokens down to a budget. The answer goes to standard output.`,
  flags,
  end: modelsText,
  positional: ['video', 'prompt'],
  args: ({ video, image: images, ...rest }): RunArguments => {
    const videos = video.filter((name) => name !== '');
    if (videos.length === 0 && images.length === 0 && !rest.plan)
      throw new UsageError('A video is needed: ff-run VIDEO [QUESTION]. See ff-run --help.');
    if (rest.prompt?.trim() === '') throw new UsageError('--prompt must not be empty.');
    if (rest.compare && rest.reducer === 'none')
      throw new UsageError('--compare needs a reducer to compare the dense model with, not none.');
    if (rest.compare && rest.piece !== undefined)
      throw new UsageError('--compare shows the dense model all tokens: leave --piece out.');
    if (rest.end !== undefined && rest.end <= (rest.start ?? 0))
      throw new UsageError(`--end must be after --start, got ${rest.end} s and ${rest.start ?? 0} s.`);
    checkStreams(rest, videos);
    checkReport(rest, videos);
    return { ...rest, videos, images };
  },
});
