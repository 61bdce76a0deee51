import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import argmaxSource from './argmax.wgsl';
import { expectDType } from './grid.ts';
import sampleSource from './sample.wgsl';

const argmaxKernel = new Kernel('argmax', argmaxSource);
const sampleKernel = new Kernel('sample', sampleSource);

/**
 * The index of the largest value; the lowest one where several are equal.
 *
 * @param x - `[n]` or `[1, n]`, f32.
 * @returns `[1]`, u32.
 */
export function argmax(rec: Recorder, x: Tensor): Tensor {
  expectDType('argmax', 'x', x, 'f32');
  const token = rec.empty('token', [1], 'u32');
  rec.dispatch(argmaxKernel, { operands: { x, token }, params: { n: x.size }, workgroups: [1] });
  return token;
}

/** How to draw. */
export interface SampleOptions {
  /** Above 0; 1 leaves the distribution as it is. */
  readonly temperature: number;
  /** In (0, 1]: the share of probability that the nucleus keeps. */
  readonly topP: number;
  /** In [0, 1): decides the draw. */
  readonly random: number;
}

/**
 * Draws an index from `softmax(x / temperature)`, cut to the most probable values that together reach `topP`.
 *
 * @param x - `[n]` or `[1, n]`, f32.
 * @returns `[1]`, u32. The same `random` gives the same index.
 * @see Holtzman et al. 2020 (nucleus sampling).
 */
export function sample(rec: Recorder, x: Tensor, { temperature, topP, random }: SampleOptions): Tensor {
  expectDType('sample', 'x', x, 'f32');
  const token = rec.empty('token', [1], 'u32');
  rec.dispatch(sampleKernel, {
    operands: { x, token },
    params: { n: x.size, inverseTemperature: 1 / temperature, topP, random },
    workgroups: [1],
  });
  return token;
}
