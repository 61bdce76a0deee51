import type { TokenReducer } from '../models/reduction.ts';
import { FrameFusion, type FrameFusionOptions } from './framefusion.ts';

/** Every policy by name: what the command line and benchmarks can choose from. `none` runs the model as it is. */
export const reducers: Readonly<Record<string, (options: FrameFusionOptions) => TokenReducer | undefined>> = {
  framefusion: (options) => new FrameFusion(options),
  none: () => undefined,
};
