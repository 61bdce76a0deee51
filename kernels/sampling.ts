import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import argmaxSource from './argmax.wgsl';
import { ceilDiv, expectDType } from './grid.ts';
import penaltySource from './repetition-penalty.wgsl';
import sampleSource from './sample.wgsl';

const argmaxKernel = new Kernel('argmax', argmaxSource);
const penaltyKernel = new Kernel('repetition-penalty', penaltySource);
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

/** What a repetition costs. */
export interface PenaltyOptions {
  /** Above 0; scores of ids that have come are divided by it where positive, multiplied where not. */
  readonly penalty: number;
  /** `[1]`, u32: the id that came last, which counts from now on; one beyond the vocabulary for none. */
  readonly token: Tensor;
  /** `[n]`, u32: 1 for ids that have come, 0 for others. Changed in place. */
  readonly seen: Tensor;
}

/**
 * Scores in which ids that have come already are less probable.
 *
 * @param x - `[n]` or `[1, n]`, f32.
 * @returns `[n]`, f32.
 * @see Keskar et al. 2019 (CTRL), sec. 4.1; Hugging Face `RepetitionPenaltyLogitsProcessor`.
 */
export function penalise(rec: Recorder, x: Tensor, { penalty, token, seen }: PenaltyOptions): Tensor {
  expectDType('penalise', 'x', x, 'f32');
  const y = rec.empty('penalised', [x.size], 'f32');
  const params = { n: x.size, penalty };
  rec.dispatch(penaltyKernel, { operands: { x, token, seen, y }, params, workgroups: [ceilDiv(x.size, 256)] });
  return y;
}

/** How to draw. */
export interface SampleOptions {
  /** Above 0; 1 leaves the distribution as it is. */
  readonly temperature: number;
  /** In (0, 1]: the share of probability that the nucleus keeps. */
  readonly topP: number;
  /** How many of the most probable are kept, before the nucleus is cut; default 0, all. */
  readonly topK?: number;
  /** In [0, 1]: the least share of the largest probability that is kept; default 0. */
  readonly minP?: number;
  /** In [0, 1): decides the draw. */
  readonly random: number;
}

/**
 * Draws an index from `softmax(x / temperature)`, cut to the `topK` most probable, of these to the most probable values that
 * together reach `topP`, and to those of at least `minP` times the largest probability.
 *
 * @param x - `[n]` or `[1, n]`, f32.
 * @returns `[1]`, u32. The same `random` gives the same index.
 * @see Holtzman et al. 2020 (nucleus sampling).
 */
export function sample(rec: Recorder, x: Tensor, options: SampleOptions): Tensor {
  const { temperature, topK = 0, topP, minP = 0, random } = options;
  expectDType('sample', 'x', x, 'f32');
  const token = rec.empty('token', [1], 'u32');
  rec.dispatch(sampleKernel, {
    operands: { x, token },
    params: { n: x.size, inverseTemperature: 1 / temperature, topK, topP, minP, random },
    workgroups: [1],
  });
  return token;
}
