/** How much attention keys get. */
import { ShapeError } from '../../engine/errors.ts';
import { Kernel } from '../../engine/kernel.ts';
import type { Recorder } from '../../engine/recorder.ts';
import { expectShape, type Tensor } from '../../engine/tensor.ts';
import { ceilDiv, expectDType, expectOneDType, floatDType } from '../grid.ts';
import type { HeadLayout } from '../rope.ts';
import headMeanSource from './head-mean.wgsl';
import lastRowSource from './last-row-attention.wgsl';

const lastRowKernel = new Kernel('last-row-attention', lastRowSource);
const headMeanKernel = new Kernel('head-mean', headMeanSource);

/**
 * Attention weights of the last query rows, each over the keys up to its own.
 *
 * @param q - `[rows, heads * headDim]`, f32 or f16, after RoPE.
 * @param k - `[keys, kvHeads * headDim]`, dtype of `q`.
 * @param last - How many rows; no more than there are.
 * @returns `[last * heads, keys]`, f32; each row sums to 1.
 */
export function lastRowAttention(
  rec: Recorder,
  q: Tensor,
  k: Tensor,
  { heads, kvHeads, headDim }: HeadLayout,
  last = 1,
): Tensor {
  const [rows, qWidth] = q.shape2();
  const [keys, kWidth] = k.shape2();
  expectOneDType('lastRowAttention', q, k);
  if (qWidth !== heads * headDim || kWidth !== kvHeads * headDim)
    throw new ShapeError(`lastRowAttention: ${heads}/${kvHeads} heads of ${headDim} do not fit ${q}, ${k}.`);
  const scoring = Math.min(last, rows);
  const weights = rec.empty('last-row attention', [scoring * heads, keys], 'f32');
  rec.dispatch(lastRowKernel, {
    operands: { q, k, weights },
    params: { rows, keys, heads, group: heads / kvHeads, scale: 1 / Math.sqrt(headDim) },
    constants: { HEAD_DIM: headDim },
    types: { act: floatDType('lastRowAttention', 'q', q) },
    workgroups: [heads, scoring],
  });
  return weights;
}

/**
 * Mean over heads, and rows if there are several, of the attention on keys `first` .. `first + n`, as ordered keys.
 *
 * @param weights - `[heads, keys]`, f32, not negative.
 * @param spare - `[3, keys]`, u32: the layout, whose text is then more important than any video token.
 * @returns `[n]`, u32.
 */
export function importance(rec: Recorder, weights: Tensor, first: number, n: number, spare?: Tensor): Tensor {
  expectDType('importance', 'weights', weights, 'f32');
  const [heads, keys] = weights.shape2();
  if (first + n > keys) throw new ShapeError(`importance: keys ${first} + ${n} do not fit ${weights}.`);
  if (spare) expectShape('importance', 'spare', spare, [3, keys]);
  const key = rec.empty('importance', [n], 'u32');
  rec.dispatch(headMeanKernel, {
    operands: { weights, planes: spare ?? weights, key },
    params: { heads, keys, first, n },
    constants: { SPARED: Number(spare !== undefined) },
    workgroups: [ceilDiv(n, 64)],
  });
  return key;
}
