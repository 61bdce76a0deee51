/** Flags about a model and its reducer, which several commands have in the same words. */
import { reducers } from '../framefusion/reducers.ts';
import { DEFAULT_COST } from '../models/defaults.ts';
import { dtypes } from '../models/weights.ts';
import { count, flag, fraction, number, on, oneOf, onIfGiven, share, text, type Values, whole } from './flags.ts';
import { isModulePath } from './values.ts';

export const reducerNames = Object.keys(reducers);

/** Which model, and how it is loaded and shown videos. */
export const modelFlags = {
  model: {
    ...flag(
      'NAME|DIR|ID',
      'a name of weights.config.json, a folder, or a Hugging Face id: owner/name[@revision]',
      text,
    ),
    short: 'm',
  },
  family: flag('FILE', 'a module with a family of models of your own', text),
  dtype: flag('NAME', 'weights in auto (as stored), f32, bf16, f16, q8 or q4 (default auto)', oneOf(dtypes)),
  frames: flag('N', "sample at most N frames (default: the model's)", count()),
  fps: flag(
    'X',
    'sample X frames per second (default: the model decides, else 1)',
    number('above 0 and at most 1000', (x) => x > 0 && x <= 1000),
  ),
  processor: flag(
    'NAME',
    'prepare videos as this library does, where a model is known with several (docs/deviations.md)',
    text,
  ),
} as const;

/** How a long video, or one that repeats itself, is encoded. */
export const encodeFlags = {
  'skip-still': flag(
    'X',
    'do not encode frames that repeat the one before: no 16 x 16 pixels of them differ by more than X of 255, as a mean',
    number('from 0 to 255', (x) => x >= 0 && x <= 255),
  ),
  piece: flag(
    'N',
    'encode and reduce N frames at a time, for long videos (simdiff, flashvid, vidcom2, evs, holitom, framefusion-plus)',
    count(),
  ),
} as const;

/** The reducer at one budget. */
export const budgetFlags = {
  reducer: flag(
    'NAME|FILE',
    `${reducerNames.join(', ')} (default framefusion), or a module of your own`,
    oneOf(reducerNames, isModulePath),
    'framefusion',
  ),
  cost: flag('X', 'share of the video tokens to compute, in (0, 1] (default 0.3; 1 runs dense)', share, DEFAULT_COST),
  keep: flag(
    'X',
    'instead of a cost: share of the video tokens left after all reduction (simdiff, flashvid, vidcom2, evs, holitom)',
    share,
  ),
  tokens: flag(
    'N',
    'instead of a cost: video tokens that a layer computes, as a mean over the layers, however many --frames there are',
    count(1e9),
  ),
} as const;

/** Whether a command line asks for the dense model: `--cost 1` keeps every token, where no other budget is given. */
export function asksForAll({ cost, keep, tokens }: Values<Omit<typeof budgetFlags, 'reducer'>>): boolean {
  return cost === 1 && keep === undefined && tokens === undefined;
}

/** Of any reducer. */
export const reducerFlags = {
  parity: on("simdiff, flashvid, vidcom2, evs, holitom: as in the authors' code, bugs included (docs/deviations.md)"),
  renumber: onIfGiven('flashvid, vidcom2, holitom: the tokens left get the positions of the shortened prompt'),
  similarity: flag(
    'X',
    "tokens this similar are alike (default: for framefusion the model's, else 0.6; else the method's)",
    number('a number above -2', (x) => x > -2),
  ),
  ratio: flag('X', "stop merging below this share of similar tokens (default: the model's, else 0.1)", fraction),
} as const;

/** Of sampling and `--reducer random`. */
export const seedFlag = flag('N', 'random seed, for sampling and --reducer random (default 0)', whole(), 0);

/** What a command line says of a reducer, as reducers call it. */
export function reducerOptions(args: Partial<Values<typeof reducerFlags>> & { readonly seed: number }) {
  const { parity, renumber, similarity, ratio, seed } = args;
  return { parity, renumber, seed, similarityLowerBound: similarity, ratioLowerBound: ratio };
}
