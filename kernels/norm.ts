import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import { expectShape, type Tensor } from '../engine/tensor.ts';
import { floatDType } from './grid.ts';
import { laneOf } from './lane/lane.ts';
import layerNormSource from './layer-norm.wgsl';
import rmsNormSource from './rms-norm.wgsl';

const rmsNormKernel = new Kernel('rms-norm', rmsNormSource);
const layerNormKernel = new Kernel('layer-norm', layerNormSource);

/** How a norm is taken. */
export interface NormOptions {
  /** Added to the mean square, or to the variance; dimensionless. Qwen2 and SigLIP use 1e-6. */
  readonly eps: number;
  /** dtype of the result; default f32. */
  readonly out?: 'f32' | 'f16';
}

/**
 * Root-mean-square norm over the last axis.
 *
 * @param x - `[rows, dim]`, f32 or f16.
 * @param weight - `[dim]`, f32.
 * @returns `[rows, dim]`, dtype `options.out`. Sums are f32.
 * @throws ShapeError if `weight` does not match the last axis of `x`.
 * @see Zhang & Sennrich 2019, eq. 4.
 */
export function rmsNorm(rec: Recorder, x: Tensor, weight: Tensor, { eps, out = 'f32' }: NormOptions): Tensor {
  const [rows, dim] = x.shape2();
  expectShape('rmsNorm', 'weight', weight, [dim]);
  const y = rec.empty('rms-norm', x.shape, out);
  rec.dispatch(rmsNormKernel, {
    operands: { x, weight, y },
    params: { dim, eps },
    types: { computeDtype: floatDType('rmsNorm', 'x', x), out },
    codec: laneOf(rec.runtime, out, dim).codec,
    workgroups: [rows],
  });
  return y;
}

/** Parameters of a layer norm, each `[dim]`, f32. */
export interface LayerNormWeights {
  readonly weight: Tensor;
  readonly bias: Tensor;
}

/**
 * Layer norm over the last axis.
 *
 * @param x - `[rows, dim]`, f32 or f16.
 * @returns `[rows, dim]`, dtype `options.out`. Sums are f32.
 * @throws ShapeError if weight or bias do not match the last axis of `x`.
 * @see Ba et al. 2016.
 */
export function layerNorm(
  rec: Recorder,
  x: Tensor,
  { weight, bias }: LayerNormWeights,
  { eps, out = 'f32' }: NormOptions,
): Tensor {
  const [rows, dim] = x.shape2();
  expectShape('layerNorm', 'weight', weight, [dim]);
  expectShape('layerNorm', 'bias', bias, [dim]);
  const y = rec.empty('layer-norm', x.shape, out);
  rec.dispatch(layerNormKernel, {
    operands: { x, weight, bias, y },
    params: { dim, eps },
    types: { computeDtype: floatDType('layerNorm', 'x', x), out },
    codec: laneOf(rec.runtime, out, dim).codec,
    workgroups: [rows],
  });
  return y;
}
