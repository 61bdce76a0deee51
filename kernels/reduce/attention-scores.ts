/** How much attention keys get. */
import { ShapeError } from '../../engine/errors.ts';
import { Kernel } from '../../engine/kernel.ts';
import type { Recorder } from '../../engine/recorder.ts';
import { expectShape, type Tensor } from '../../engine/tensor.ts';
import type { HeadColumns } from '../attention.ts';
import { ceilDiv, expectDType, expectOneDType, floatDType } from '../grid.ts';
import { laneOf } from '../lane/lane.ts';
import type { HeadLayout } from '../rope.ts';
import sumsSource from './attention-sums.wgsl';
import headMeanSource from './head-mean.wgsl';
import lastRowSource from './last-row-attention.wgsl';
import receivedSource from './received-attention.wgsl';

const lastRowKernel = new Kernel('last-row-attention', lastRowSource);
const sumsKernel = new Kernel('attention-sums', sumsSource);
const receivedKernel = new Kernel('received-attention', receivedSource);
const headMeanKernel = new Kernel('head-mean', headMeanSource);

/**
 * Attention weights of the last query rows, each over the keys up to its own.
 *
 * @param q - `[rows, heads * headDim]`, f32 or f16, after RoPE.
 * @param k - `[keys, kvHeads * headDim]`, dtype of `q`.
 * @param options - The heads, and `last`: how many rows, no more than there are; default 1.
 * @returns `[last * heads, keys]`, f32; each row sums to 1.
 */
export function lastRowAttention(
  rec: Recorder,
  q: Tensor,
  k: Tensor,
  { heads, kvHeads, headDim, last = 1 }: HeadLayout & { readonly last?: number | undefined },
): Tensor {
  const [rows, qWidth] = q.shape2();
  const [keys, kWidth] = k.shape2();
  expectOneDType('lastRowAttention', q, k);
  if (qWidth !== heads * headDim || kWidth !== kvHeads * headDim)
    throw new ShapeError(`lastRowAttention: ${heads}/${kvHeads} heads of ${headDim} do not fit ${q}, ${k}.`);
  const computeDtype = floatDType('lastRowAttention', 'q', q);
  const scoring = Math.min(last, rows);
  const weights = rec.empty('last-row attention', [scoring * heads, keys], 'f32');
  rec.dispatch(lastRowKernel, {
    operands: { q, k, weights },
    params: { rows, keys, heads, group: heads / kvHeads, scale: 1 / Math.sqrt(headDim) },
    constants: { HEAD_DIM: headDim },
    types: { computeDtype },
    codec: laneOf(rec.runtime, computeDtype, headDim).codec,
    workgroups: [heads, scoring],
  });
  return weights;
}

/** The keys that `importance` ranks. */
export interface ImportanceOptions {
  readonly first: number;
  readonly count: number;
  /** `[3, keys]`, u32: the layout, whose text is then more important than any video token; default none. */
  readonly spare?: Tensor | undefined;
}

/**
 * Mean over heads, and rows if there are several, of the attention on keys `first` .. `first + count`, as ordered keys.
 *
 * @param weights - `[heads, keys]`, f32, not negative.
 * @returns `[count]`, u32.
 * @throws ShapeError if there are fewer keys.
 */
export function importance(rec: Recorder, weights: Tensor, { first, count, spare }: ImportanceOptions): Tensor {
  expectDType('importance', 'weights', weights, 'f32');
  const [heads, keys] = weights.shape2();
  if (first + count > keys) throw new ShapeError(`importance: keys ${first} + ${count} do not fit ${weights}.`);
  if (spare) expectShape('importance', 'spare', spare, [3, keys]);
  const key = rec.empty('importance', [count], 'u32');
  rec.dispatch(headMeanKernel, {
    operands: { weights, planes: spare ?? weights, key },
    params: { heads, keys, first, n: count },
    constants: { SPARED: Number(spare !== undefined) },
    workgroups: [ceilDiv(count, 64)],
  });
  return key;
}

/**
 * Attention that each token receives from the others of its segment: the mean over heads and queries of softmax weights.
 *
 * @param q - `[segments * tokens, *]`, f32 or f16.
 * @param k - `[segments * tokens, *]`, dtype of `q`; as many heads as `q` has.
 * @param options - `segments`: sequences of equal length, one after the other; `queries`: how many of each segment's first
 *   rows are asked, default all of them (1 asks a class token).
 * @returns `[segments * tokens]`, f32; over a segment they sum to 1.
 * @throws ShapeError if the operands do not fit one another.
 */
export function receivedAttention(
  rec: Recorder,
  q: HeadColumns,
  k: HeadColumns,
  options: Pick<HeadLayout, 'heads' | 'headDim'> & { readonly segments: number; readonly queries?: number },
): Tensor {
  const { heads, headDim, segments } = options;
  const [rows, qStride] = q.of.shape2();
  const [keys, kStride] = k.of.shape2();
  expectOneDType('receivedAttention', q.of, k.of);
  const width = heads * headDim;
  if (rows !== keys || rows % segments !== 0 || q.column + width > qStride || k.column + width > kStride)
    throw new ShapeError(
      `receivedAttention: ${heads} heads of ${headDim} in ${segments} segments do not fit ${q.of}, ${k.of}.`,
    );
  const tokens = rows / segments;
  const computeDtype = floatDType('receivedAttention', 'q', q.of);
  const places = { qStride, qColumn: q.column, kStride, kColumn: k.column };
  const lane = laneOf(rec.runtime, computeDtype, headDim, ...Object.values(places));
  const columns = {
    qStride: qStride / lane.width,
    qColumn: q.column / lane.width,
    kStride: kStride / lane.width,
    kColumn: k.column / lane.width,
    scale: 1 / Math.sqrt(headDim),
  };
  const shared = {
    constants: { HEAD_DIM: headDim },
    types: { computeDtype },
    codec: lane.codec,
  };
  const sums = rec.empty('attention sums', [rows, heads], 'f32');
  rec.dispatch(sumsKernel, {
    ...shared,
    operands: { q: q.of, k: k.of, sums },
    params: { tokens, heads, ...columns },
    workgroups: [rows, heads],
  });
  const received = rec.empty('received attention', [rows], 'f32');
  rec.dispatch(receivedKernel, {
    ...shared,
    operands: { q: q.of, k: k.of, sums, received },
    params: { tokens, heads, queries: options.queries ?? tokens, ...columns },
    workgroups: [rows],
  });
  return received;
}
