import type { TokenReducer } from '../models/reduction.ts';
import { type BaselineOptions, fastV, fewerFrames, mergeOnly, pruneOnly, randomDrop } from './baselines.ts';
import { FrameFusion, type FrameFusionOptions } from './framefusion.ts';

/** Settings of any policy; each takes what it knows. */
export type ReducerOptions = FrameFusionOptions & BaselineOptions;

/** Every policy by name: what the command line and benchmarks can choose from. `none` runs the model as it is. */
export const reducers: Readonly<Record<string, (options: ReducerOptions) => TokenReducer | undefined>> = {
  framefusion: ({ seed: _, ...options }) => new FrameFusion(options),
  'merge-only': mergeOnly,
  'prune-only': pruneOnly,
  fastv: fastV,
  random: randomDrop,
  frames: fewerFrames,
  none: () => undefined,
};
