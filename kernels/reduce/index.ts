import { ShapeError } from '../../engine/errors.ts';
import { Kernel } from '../../engine/kernel.ts';
import type { Recorder } from '../../engine/recorder.ts';
import { expectShape, type Tensor } from '../../engine/tensor.ts';
import { ceilDiv, expectDType, expectOneDType, floatDType } from '../grid.ts';
import type { HeadLayout } from '../rope.ts';
import headMeanSource from './head-mean.wgsl';
import lastRowSource from './last-row-attention.wgsl';
import similaritySource from './similarity.wgsl';
import thresholdSource from './threshold.wgsl';
import topKSource from './top-k.wgsl';

export * from './assignment.ts';

const similarityKernel = new Kernel('similarity', similaritySource);
const thresholdKernel = new Kernel('threshold', thresholdSource);
const topKKernel = new Kernel('top-k', topKSource);
const lastRowKernel = new Kernel('last-row-attention', lastRowSource);
const headMeanKernel = new Kernel('head-mean', headMeanSource);

/** What a NaN is as an ordered key: above every number. */
export const NAN_KEY = 0xffffffff;

const bits = new DataView(new ArrayBuffer(4));

/** An f32 as an unsigned integer that orders as the floats do; the two zeros are one, NaN is above all. */
export function orderKey(value: number): number {
  if (Number.isNaN(value)) return NAN_KEY;
  bits.setFloat32(0, value === 0 ? 0 : value);
  const u = bits.getUint32(0);
  return (u & 0x80000000 ? ~u : u | 0x80000000) >>> 0;
}

/** The f32 that an ordered key stands for. */
export function fromOrderKey(key: number): number {
  if (key === NAN_KEY) return Number.NaN;
  bits.setUint32(0, key & 0x80000000 ? key & 0x7fffffff : ~key);
  return bits.getFloat32(0);
}

/**
 * Cosine similarity of each video token with the one before it at the same place of the frame.
 *
 * @param hidden - `[rows, dim]`, f32 or f16.
 * @param layout - `[3, rows]`, u32: planes patch, rank, order.
 * @param tokens - Video tokens among the rows.
 * @param bound - Similarities of at least this (as an f32) are counted.
 * @returns `key` `[tokens]` u32, by rank: similarities as ordered keys, -2 for the first of a patch; `count` `[1]` u32.
 * @see FrameFusion main.py, compute_similarity_and_token_index_by_patch.
 */
export function similarity(
  rec: Recorder,
  hidden: Tensor,
  layout: Tensor,
  tokens: number,
  bound: number,
): { key: Tensor; count: Tensor } {
  const [rows, dim] = hidden.shape2();
  expectShape('similarity', 'layout', layout, [3, rows]);
  const key = rec.empty('similarity', [tokens], 'u32');
  const count = rec.upload('similar tokens', [1], 'u32', new Uint32Array(1));
  rec.dispatch(similarityKernel, {
    operands: { hidden, planes: layout, key, count },
    params: { dim, rows, bound },
    types: { act: floatDType('similarity', 'hidden', hidden) },
    workgroups: [tokens],
  });
  return { key, count };
}

/**
 * Marks the keys of at least `bound` (as an f32); NaN is none.
 *
 * @param key - `[n]`, u32 ordered keys.
 * @returns `[n]`, u32: 1 or 0.
 */
export function chooseAtLeast(rec: Recorder, key: Tensor, bound: number): Tensor {
  const chosen = rec.empty('chosen', key.shape, 'u32');
  rec.dispatch(thresholdKernel, {
    operands: { key, chosen },
    params: { n: key.size, least: orderKey(bound) },
    workgroups: [ceilDiv(key.size, 64)],
  });
  return chosen;
}

/**
 * Marks the `k` largest keys. Among equal ones the lowest index goes first; NaN counts as the largest, as in torch.
 *
 * @param key - `[n]`, u32 ordered keys.
 * @returns `[n]`, u32: 1 or 0.
 */
export function chooseLargest(rec: Recorder, key: Tensor, k: number): Tensor {
  const chosen = rec.empty('chosen', key.shape, 'u32');
  rec.dispatch(topKKernel, { operands: { key, chosen }, params: { n: key.size, k }, workgroups: [1] });
  return chosen;
}

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
