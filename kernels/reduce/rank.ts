/** Which tokens are alike or matter: similarities and scores as ordered keys, and the choice among them. */
import { Kernel } from '../../engine/kernel.ts';
import type { Recorder } from '../../engine/recorder.ts';
import { expectShape, type Tensor } from '../../engine/tensor.ts';
import { ceilDiv, floatDType } from '../grid.ts';
import { laneOf } from '../lane/lane.ts';
import similaritySource from './similarity.wgsl';
import thresholdSource from './threshold.wgsl';
import topKSource from './top-k.wgsl';

const similarityKernel = new Kernel('similarity', similaritySource);
const thresholdKernel = new Kernel('threshold', thresholdSource);
const topKKernel = new Kernel('top-k', topKSource);

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
 * @param options - `tokens`: video tokens among the rows; `bound`: similarities of at least this (as an f32) are counted.
 * @returns `key` `[tokens]` u32, by rank: similarities as ordered keys, -2 for the first of a patch; `count` `[1]` u32.
 * @see FrameFusion main.py, compute_similarity_and_token_index_by_patch.
 */
export function similarity(
  rec: Recorder,
  hidden: Tensor,
  layout: Tensor,
  { tokens, bound }: { readonly tokens: number; readonly bound: number },
): { key: Tensor; count: Tensor } {
  const [rows, dim] = hidden.shape2();
  expectShape('similarity', 'layout', layout, [3, rows]);
  const key = rec.empty('similarity', [tokens], 'u32');
  const count = rec.upload('similar tokens', [1], 'u32', new Uint32Array(1));
  const computeDtype = floatDType('similarity', 'hidden', hidden);
  rec.dispatch(similarityKernel, {
    operands: { hidden, planes: layout, key, count },
    params: { dim, rows, bound },
    types: { computeDtype },
    codec: laneOf(rec.runtime, computeDtype, dim).codec,
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
export function threshold(rec: Recorder, key: Tensor, bound: number): Tensor {
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
export function topK(rec: Recorder, key: Tensor, k: number): Tensor {
  const chosen = rec.empty('chosen', key.shape, 'u32');
  rec.dispatch(topKKernel, { operands: { key, chosen }, params: { n: key.size, k }, workgroups: [1] });
  return chosen;
}
