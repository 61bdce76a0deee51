import type { Recorder } from '../../engine/recorder.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { layerNorm, type NormOptions, rmsNorm } from '../../kernels/norm.ts';
import type { WeightLoader } from '../weights.ts';

/** The kinds of norm that towers have. */
export type NormKind = 'layer' | 'rms';

/** `[dim]`, f32; a root-mean-square norm has no bias. */
export interface NormWeights {
  readonly weight: Tensor;
  readonly bias?: Tensor | undefined;
}

/** @throws WeightsError if a tensor is missing or does not fit. */
export async function loadNorm(loader: WeightLoader, name: string, dim: number, kind: NormKind): Promise<NormWeights> {
  if (kind === 'layer') return loader.layerNorm(name, dim);
  return { weight: await loader.vector([`${name}.weight`], [dim]) };
}

/** @param x - `[rows, dim]`. @returns The same, dtype `options.out`. */
export function norm(rec: Recorder, x: Tensor, { weight, bias }: NormWeights, options: NormOptions): Tensor {
  return bias ? layerNorm(rec, x, { weight, bias }, options) : rmsNorm(rec, x, weight, options);
}
