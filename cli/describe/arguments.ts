/** The flags of `ff-describe`. */
import { type AdapterChoice, adapterChoices } from '../../engine/node-adapter.ts';
import { reducers } from '../../framefusion/reducers.ts';
import { DEFAULT_COST } from '../../models/defaults.ts';
import { dtypes, type ModelDType } from '../../models/weights.ts';
import { type FlagTable, FlagValues, flagLines, given, shared, UsageError } from '../flags.ts';
import { noModules, type QueueFlags, queueFlags, queueOf } from '../queue/arguments.ts';
import { isModulePath } from '../values.ts';

/** What `ff-describe` was asked to do. Absent: the model's or the project's default. */
export interface DescribeArguments extends QueueFlags {
  /** Files, folders, addresses. */
  readonly videos: readonly string[];
  /** A file with one of them a line. */
  readonly list?: string;
  readonly prompt?: string;
  readonly out: string;
  readonly model?: string;
  readonly reducer: string;
  readonly cost: number;
  /** Share of the video tokens that is left in the end, instead of a cost. */
  readonly keep?: number;
  readonly parity: boolean;
  readonly similarity?: number;
  readonly ratio?: number;
  readonly frames?: number;
  readonly fps?: number;
  readonly maxNewTokens: number;
  readonly seed: number;
  readonly adapter: AdapterChoice;
  readonly dtype?: ModelDType;
  readonly quiet: boolean;
}

const flags = {
  video: { value: 'PATH', short: 'v', many: true, help: 'a video, a folder with all in it, or an http address; many' },
  list: { value: 'FILE|-', help: 'a file that names more of them, one a line; - is standard input' },
  prompt: { value: 'TEXT', short: 'p', help: 'the question (default: the model\'s own, else "Describe the video.")' },
  out: { value: 'FILE', short: 'o', help: 'a line of JSON for each video; what it holds already is not asked again' },
  model: {
    value: 'NAME|DIR|ID',
    short: 'm',
    help: 'a name of weights.config.json, a folder, or a Hugging Face id: owner/name[@revision]',
  },
  reducer: {
    value: 'NAME|FILE',
    help: `${Object.keys(reducers).join(', ')} (default framefusion), or a module of your own`,
  },
  cost: { value: 'X', help: 'share of the video tokens to compute, in (0, 1] (default 0.3; 1 runs dense)' },
  keep: {
    value: 'X',
    help: 'instead: share of the video tokens left after all reduction (simdiff, flashvid, vidcom2, evs, holitom)',
  },
  parity: { help: "these reducers as in their authors' code, bugs included (docs/deviations.md)" },
  similarity: { value: 'X', help: "merge tokens at least this similar (default: the model's, else 0.6)" },
  ratio: { value: 'X', help: "stop merging below this share (default: the model's, else 0.1)" },
  frames: { value: 'N', help: "sample at most N frames (default: the model's)" },
  fps: { value: 'X', help: 'sample X frames per second (default: the model decides, else 1)' },
  'max-new-tokens': { value: 'N', help: 'end each answer after N tokens (default 256)' },
  seed: { value: 'N', help: 'seed of --reducer random (default 0)' },
  ...queueFlags,
  adapter: shared.adapter,
  dtype: shared.dtype,
  quiet: shared.quiet,
  help: shared.help,
  version: shared.version,
} as const satisfies FlagTable;

/** The text of `--help`. */
export function describeHelp(): string {
  return [
    'Usage: ff-describe VIDEO|DIR... --out FILE.jsonl [--prompt TEXT] [...]',
    '',
    'Asks one question about many videos, here or with --queue on many machines (docs/scale.md).',
    'Given again, the same command asks only what is missing.',
    '',
    ...flagLines(flags),
    '',
    'Exit codes: 0 done, 1 failed or some videos failed, 2 wrong command line, 130 interrupted.',
  ].join('\n');
}

/** @throws UsageError with one line that says what is wrong. */
export function parseDescribeArguments(argv: readonly string[]): DescribeArguments | 'help' | 'version' {
  const values = new FlagValues('ff-describe', flags, argv, ['video']);
  if (values.has('help')) return 'help';
  if (values.has('version')) return 'version';
  const videos = values.texts('video');
  const list = values.text('list');
  if (videos.length === 0 && list === undefined)
    throw new UsageError('Videos are needed: ff-describe VIDEO|DIR... --out FILE. See ff-describe --help.');
  const out = values.text('out');
  if (!out) throw new UsageError('--out FILE is needed. See ff-describe --help.');
  const prompt = values.text('prompt');
  if (prompt?.trim() === '') throw new UsageError('--prompt must not be empty.');
  const reducer = values.oneOf('reducer', Object.keys(reducers), isModulePath) ?? 'framefusion';
  const similarity = values.number('similarity', 'a number above -2', (x) => x > -2);
  const ratio = values.number('ratio', 'from 0 to 1', (x) => x >= 0 && x <= 1);
  const fps = values.number('fps', 'above 0 and at most 1000', (x) => x > 0 && x <= 1000);
  const queue = queueOf(values);
  noModules(queue, { reducer: [reducer] });
  return {
    videos,
    ...given('list', list),
    ...given('prompt', prompt),
    out,
    ...given('model', values.text('model')),
    reducer,
    cost: values.number('cost', 'above 0 and at most 1', (x) => x > 0 && x <= 1) ?? DEFAULT_COST,
    ...given(
      'keep',
      values.number('keep', 'above 0 and at most 1', (x) => x > 0 && x <= 1),
    ),
    parity: values.has('parity'),
    ...given('similarity', similarity),
    ...given('ratio', ratio),
    ...given('frames', values.count('frames')),
    ...given('fps', fps),
    maxNewTokens: values.count('max-new-tokens') ?? 256,
    seed: values.number('seed', 'a whole number from 0 on', (x) => Number.isSafeInteger(x) && x >= 0) ?? 0,
    ...queue,
    adapter: values.oneOf('adapter', adapterChoices) ?? 'auto',
    ...given('dtype', values.oneOf('dtype', dtypes)),
    quiet: values.has('quiet'),
  };
}
