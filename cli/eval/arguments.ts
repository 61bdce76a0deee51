/** The flags of `ff-eval`. */

import { type AdapterChoice, adapterChoices } from '../../engine/node-adapter.ts';
import { quoted } from '../../engine/text.ts';
import { reducers } from '../../framefusion/reducers.ts';
import { dtypes, type ModelDType } from '../../models/weights.ts';
import { type FlagTable, FlagValues, flagLines, given, shared, UsageError } from '../flags.ts';
import { noModules, type QueueFlags, queueFlags, queueOf } from '../queue/arguments.ts';
import { isModulePath } from '../values.ts';

/** What `ff-eval` was asked to do. Absent: the model's or the project's default. */
export interface EvalArguments extends QueueFlags {
  readonly data: string;
  readonly videos?: string;
  readonly model?: string;
  readonly reducers: readonly string[];
  /** A module. */
  readonly family?: string;
  readonly costs: readonly number[];
  /** A reducer that the others are compared with, over videos. */
  readonly against?: string;
  readonly parity: boolean;
  readonly renumber?: boolean;
  readonly similarity?: number;
  readonly ratio?: number;
  readonly frames?: number;
  readonly limit?: number;
  readonly maxNewTokens: number;
  readonly seed: number;
  readonly results?: string;
  readonly json?: string;
  readonly report?: string;
  readonly types: boolean;
  /** Whether videos that cannot be read are left out. */
  readonly skipBroken: boolean;
  readonly adapter: AdapterChoice;
  readonly dtype?: ModelDType;
  readonly quiet: boolean;
}

/** What `ff-eval --calibrate` was asked to do. */
export interface CalibrateArguments
  extends Pick<EvalArguments, 'videos' | 'model' | 'frames' | 'limit' | 'adapter' | 'dtype' | 'quiet'> {
  /** The catalogue that the bound goes into; `-` for none. */
  readonly calibrate: string;
  readonly data?: string;
}

const flags = {
  data: { value: 'FILE', help: 'questions: JSON lines, or a file of a public benchmark (docs/eval.md)' },
  videos: { value: 'DIR', help: 'where their videos are (default: beside the file)' },
  model: {
    value: 'NAME|DIR|ID',
    help: 'a name of weights.config.json, a folder, or a Hugging Face id: owner/name[@revision]',
  },
  reducer: {
    value: 'A,B,...',
    help: `of ${Object.keys(reducers).join(', ')} (default framefusion,none), or modules of your own`,
  },
  family: { value: 'FILE', help: 'a module with a family of models of your own' },
  cost: { value: 'X,Y,...', help: 'budgets, each in (0, 1] (default 0.7,0.5,0.3,0.2)' },
  parity: { help: "reducers as in their authors' code, bugs included (docs/deviations.md)" },
  renumber: { help: 'tokens left get the positions of the shortened prompt (flashvid, vidcom2, holitom)' },
  similarity: {
    value: 'X',
    help: "tokens this similar are alike (default: for framefusion the model's, else 0.6; else the method's)",
  },
  ratio: { value: 'X', help: "FrameFusion's ratio bound (default: the model's, else 0.1)" },
  frames: { value: 'N', help: "sample at most N frames (default: the model's)" },
  limit: { value: 'N', help: 'ask only the first N questions; with --calibrate and a folder, take the first N videos' },
  'max-new-tokens': { value: 'N', help: 'end each answer after N tokens (default 32)' },
  seed: { value: 'N', help: 'seed of --reducer random (default 0)' },
  results: { value: 'FILE', help: 'keep every answer here; an interrupted evaluation resumes from it' },
  json: { value: 'FILE|-', help: 'write the summary; - prints it and nothing else' },
  report: { value: 'FILE', help: 'write tables and curves (.html), the main curve (.svg) or the tables (.md)' },
  'skip-broken': { help: 'leave out videos that are missing or damaged, and list them' },
  calibrate: {
    value: 'FILE|-',
    help: "instead measure FrameFusion's similarity bound with the videos, and write it into a catalogue of your own",
  },
  against: {
    value: 'NAME',
    help: 'compare every reducer with this one at the same budget; intervals take videos, not questions, for independent',
  },
  ...queueFlags,
  types: { help: 'also print the accuracy by type of question' },
  adapter: shared.adapter,
  dtype: shared.dtype,
  quiet: shared.quiet,
  help: shared.help,
  version: shared.version,
} as const satisfies FlagTable;

/** The text of `--help`. */
export function evalHelp(): string {
  return [
    'Usage: ff-eval --data FILE [--reducer A,B] [--cost X,Y] [...]',
    '       ff-eval --calibrate FILE (--videos DIR | --data FILE) [--model NAME] [...]',
    '',
    'Measures how often a model answers right, for every reducer at every budget. Each video is encoded once.',
    '',
    ...flagLines(flags),
    '',
    'Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted.',
  ].join('\n');
}

/** @throws UsageError with one line that says what is wrong. */
export function parseEvalArguments(argv: readonly string[]): EvalArguments | CalibrateArguments | 'help' | 'version' {
  const values = new FlagValues('ff-eval', flags, argv);
  if (values.has('help')) return 'help';
  if (values.has('version')) return 'version';
  const data = values.text('data');
  const common = {
    ...given('videos', values.text('videos')),
    ...given('model', values.text('model')),
    ...given('frames', values.count('frames')),
    ...given('limit', values.count('limit', 1e9)),
    adapter: values.oneOf('adapter', adapterChoices) ?? 'auto',
    ...given('dtype', values.oneOf('dtype', dtypes)),
    quiet: values.has('quiet'),
  };
  const calibrate = values.text('calibrate');
  if (calibrate !== undefined) {
    if (!data && !values.text('videos')) throw new UsageError('--calibrate needs --videos DIR or --data FILE.');
    return { ...common, calibrate, ...given('data', data) };
  }
  if (!data) throw new UsageError('--data FILE is needed. See ff-eval --help.');
  const reducer = values.someOf('reducer', Object.keys(reducers), isModulePath) ?? ['framefusion', 'none'];
  const family = values.text('family');
  const queue = queueOf(values);
  noModules(queue, { reducer, ...(family !== undefined && { family: [family] }) });
  if (queue.queue && !values.text('results'))
    throw new UsageError('--queue needs --results FILE, which keeps what workers have answered.');
  const similarity = values.number('similarity', 'a number above -2', (x) => x > -2);
  const ratio = values.number('ratio', 'from 0 to 1', (x) => x >= 0 && x <= 1);
  const whole = (x: number): boolean => Number.isSafeInteger(x) && x >= 0;
  return {
    ...common,
    data,
    ...given('family', family),
    reducers: reducer,
    costs: values.numbers('cost', 'above 0 and at most 1', (x) => x > 0 && x <= 1) ?? [0.7, 0.5, 0.3, 0.2],
    ...given('against', values.oneOf('against', reducer, isModulePath)),
    parity: values.has('parity'),
    ...(values.has('renumber') && { renumber: true }),
    ...given('similarity', similarity),
    ...given('ratio', ratio),
    maxNewTokens: values.count('max-new-tokens') ?? 32,
    seed: values.number('seed', 'a whole number from 0 on', whole) ?? 0,
    ...given('results', values.text('results')),
    ...given('json', values.text('json')),
    ...given('report', reportFile(values.text('report'))),
    types: values.has('types'),
    skipBroken: values.has('skip-broken'),
    ...queue,
  };
}

/** @throws UsageError for a file of another kind. */
function reportFile(file: string | undefined): string | undefined {
  if (file === undefined || /\.(html|svg|md)$/i.test(file)) return file;
  throw new UsageError(`--report must name a .html, .svg or .md file, got ${quoted(file)}.`);
}
