/** The flags of `ff-eval`. */
import {
  commandLine,
  count,
  fileOf,
  flag,
  listOf,
  on,
  oneOf,
  share,
  shared,
  text,
  UsageError,
  type Values,
  whole,
} from '../flags.ts';
import { modelFlags, reducerFlags, reducerNames } from '../model-flags.ts';
import { noModules, queueFlags } from '../queue/arguments.ts';
import { isModulePath } from '../values.ts';

const { model, family, dtype, frames } = modelFlags;

const reducer = oneOf(reducerNames, isModulePath);

const flags = {
  data: flag('FILE', 'questions: JSON lines, or a file of a public benchmark (docs/eval.md)', text),
  videos: flag('DIR', 'where their videos are (default: beside the file)', text),
  model,
  reducer: flag(
    'A,B,...',
    `of ${reducerNames.join(', ')} (default framefusion,none), or modules of your own`,
    listOf(reducer),
    ['framefusion', 'none'],
  ),
  cost: flag('X,Y,...', 'budgets, each in (0, 1] (default 0.7,0.5,0.3,0.2)', listOf(share), [0.7, 0.5, 0.3, 0.2]),
  tokens: flag(
    'N,M,...',
    'instead of costs: video tokens that a layer computes, as a mean over the layers, however many --frames there are',
    listOf(count(1e9)),
  ),
  ...reducerFlags,
  family,
  frames,
  limit: flag(
    'N',
    'ask only the first N questions; with --calibrate and a folder, take the first N videos',
    count(1e9),
  ),
  'max-new-tokens': flag('N', 'end each answer after N tokens (default 32)', count(), 32),
  seed: flag('N', 'seed of --reducer random (default 0)', whole(), 0),
  results: flag('FILE', 'keep every answer here; an interrupted evaluation resumes from it', text),
  json: flag('FILE|-', 'write the summary; - prints it and nothing else', text),
  report: flag(
    'FILE',
    'write tables and curves (.html), the main curve (.svg) or the tables (.md)',
    fileOf(/\.(html|svg|md)$/i, 'a .html, .svg or .md file'),
  ),
  'skip-broken': on('leave out videos that are missing or damaged, and list them'),
  calibrate: flag(
    'FILE|-',
    "measure FrameFusion's similarity bound with the videos instead, and write it into a catalogue of your own",
    text,
  ),
  against: flag(
    'NAME',
    'compare every reducer with this one at the same budget; intervals treat videos, not questions, as independent',
    text,
  ),
  ...queueFlags,
  types: on('also print the accuracy by type of question'),
  adapter: shared.adapter,
  dtype,
  quiet: shared.quiet,
  help: shared.help,
  version: shared.version,
};

type Parsed = Values<typeof flags>;

/** What `ff-eval` was asked to do. Absent: the model's or the project's default. */
export interface EvalArguments extends Omit<Parsed, 'data' | 'reducer' | 'cost' | 'calibrate'> {
  readonly data: string;
  readonly reducers: readonly string[];
  readonly costs: readonly number[];
}

/** What `ff-eval --calibrate` was asked to do. */
export interface CalibrateArguments
  extends Pick<Parsed, 'data' | 'videos' | 'model' | 'frames' | 'limit' | 'adapter' | 'dtype' | 'quiet'> {
  /** The catalogue that the bound goes into; `-` for none. */
  readonly calibrate: string;
}

export const evalLine = commandLine('ff-eval', {
  about: `Usage: ff-eval --data FILE [--reducer A,B] [--cost X,Y] [...]
       ff-eval --calibrate FILE (--videos DIR | --data FILE) [--model NAME] [...]

Measures how often a model answers right, for every reducer at every budget. Each video is encoded once.`,
  flags,
  args: ({ data, reducer: reducers, cost: costs, calibrate, ...rest }): EvalArguments | CalibrateArguments => {
    if (calibrate !== undefined) {
      if (!data && !rest.videos) throw new UsageError('--calibrate needs --videos DIR or --data FILE.');
      return { ...rest, ...(data && { data }), calibrate };
    }
    if (!data) throw new UsageError('--data FILE is needed. See ff-eval --help.');
    if (rest.against !== undefined) oneOf(reducers, isModulePath)(rest.against, 'against');
    noModules(rest.queue, { reducer: reducers, ...(rest.family !== undefined && { family: [rest.family] }) });
    if (rest.queue && !rest.results)
      throw new UsageError('--queue needs --results FILE, which keeps what workers have answered.');
    return { ...rest, data, reducers, costs };
  },
});
