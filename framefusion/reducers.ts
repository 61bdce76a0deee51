import { InputError } from '../engine/errors.ts';
import { requireObject } from '../engine/misuse.ts';
import { shownValue } from '../engine/text.ts';
import { DEFAULT_COST, type ModelDefaults } from '../models/defaults.ts';
import type { TokenReducer } from '../models/reduction.ts';
import { type BaselineOptions, fastV, fewerFrames, mergeOnly, pruneOnly, randomDrop } from './baselines.ts';
import { evs } from './evs.ts';
import { flashVid } from './flashvid.ts';
import { FrameFusion, type FrameFusionOptions } from './framefusion.ts';
import { holiTom } from './holitom.ts';
import { frameFusionPlus } from './plus.ts';
import type { BudgetOptions } from './shares.ts';
import { simDiff } from './simdiff.ts';
import { withTokenBudget } from './token-budget.ts';
import { vidCom2 } from './vidcom2.ts';

/** Settings of any reducer; each takes what it knows. */
export interface ReducerOptions
  extends FrameFusionOptions,
    Pick<BaselineOptions, 'seed'>,
    Omit<BudgetOptions, 'similarityLowerBound'> {
  /** Instead of `cost`: video tokens that a layer computes, as a mean over the layers; of several videos, of each. */
  readonly tokens?: number;
}

/** Every reducer by name: what the command line and benchmarks can choose from. `none` runs the model as it is. */
export const reducers: Readonly<Record<string, (options: ReducerOptions) => TokenReducer | undefined>> = {
  framefusion: ({ seed: _, keep: _keep, parity: _parity, renumber: _renumber, ...options }) => new FrameFusion(options),
  'framefusion-plus': frameFusionPlus,
  simdiff: simDiff,
  flashvid: flashVid,
  vidcom2: vidCom2,
  evs,
  holitom: holiTom,
  'merge-only': mergeOnly,
  'prune-only': pruneOnly,
  fastv: fastV,
  random: randomDrop,
  frames: fewerFrames,
  none: () => undefined,
};

/** Those that take `keep`, and most of them `parity` and `renumber`. A model's thresholds, which are FrameFusion's, are not theirs. */
const withKeep = new Set(['framefusion-plus', 'simdiff', 'flashvid', 'vidcom2', 'evs', 'holitom']);

/**
 * The reducer of a name, or undefined for the dense model. Thresholds that nobody gives are the model's own, and behind
 * those the reducer's.
 *
 * @param options - `cost` defaults to 0.3; `tokens` and `keep` take its place.
 * @throws InputError if there is no such reducer, or a setting is outside what is allowed.
 */
export function reducerNamed(
  name: string,
  options: { readonly [K in keyof ReducerOptions]?: ReducerOptions[K] | undefined } = {},
  defaults: ModelDefaults = {},
): TokenReducer | undefined {
  const make = typeof name === 'string' && Object.hasOwn(reducers, name) ? reducers[name] : undefined;
  if (!make) throw new InputError(`reducer must be ${Object.keys(reducers).join(', ')}, got ${shownValue(name)}.`);
  requireObject('reducerNamed', 'options: { cost, ... }', options);
  const { tokens, ...others } = options;
  if (tokens !== undefined && options.keep !== undefined)
    throw new InputError('tokens and keep are two budgets. Give one of them.');
  if (tokens !== undefined && name !== 'none')
    return withTokenBudget(tokens, (cost) => reducerNamed(name, { ...others, cost }, defaults)!);
  if (options.keep !== undefined && !withKeep.has(name))
    throw new InputError(`keep is a setting of ${[...withKeep].join(', ')}, not of ${name}. Give a cost.`);
  requireObject('reducerNamed', 'defaults of a model', defaults);
  const { similarityLowerBound, ratioLowerBound } = defaults;
  const given = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== undefined));
  if (withKeep.has(name)) return make({ cost: DEFAULT_COST, ...given } as ReducerOptions);
  return make({
    cost: DEFAULT_COST,
    ...(similarityLowerBound !== undefined && { similarityLowerBound }),
    ...(ratioLowerBound !== undefined && { ratioLowerBound }),
    ...given,
  } as ReducerOptions);
}
