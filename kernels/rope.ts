import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import { expectShape, type Tensor } from '../engine/tensor.ts';
import { ceilDiv, expectDType, floatDType } from './grid.ts';
import { laneOf } from './lane/lane.ts';
import source from './rope.wgsl';

const kernel = new Kernel('rope', source);

/** Sizes of a grouped-query attention. */
export interface HeadLayout {
  readonly heads: number;
  /** Divides `heads`. */
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * How fused rows hold their heads. `split`: all query heads, then all key heads, then all value heads. `grouped`: for each
 * key head its query heads, itself, and its value head, as InternLM2 stores them.
 */
export type HeadOrder = 'split' | 'grouped';

const { fround } = Math;

/**
 * Frequencies of rotary positions, `[dim / 2]`: `theta^(-2i / dim) / factor`, as torch makes them, each step rounded to f32
 * (Hugging Face `Qwen2RotaryEmbedding`).
 *
 * @param factor - Divides the frequencies (linear scaling, `LlamaConfig.rope_scaling`).
 */
export function frequencies(dim: number, theta: number, factor = 1): Float32Array {
  return Float32Array.from({ length: dim / 2 }, (_, i) => fround(1 / fround(theta ** fround((2 * i) / dim))) / factor);
}

/**
 * Rotary table of positions 0 .. `positions`. Made on the host because WGSL's sine is only good to about 2^-11.
 *
 * @param factor - As of `frequencies`.
 * @returns `[positions, headDim / 2, 2]`: cosine and sine of position times frequency, rounded to f32.
 */
export function rotaryTable(positions: number, headDim: number, theta: number, factor = 1): Float32Array {
  const axis = Uint32Array.from({ length: positions }, (_, position) => position);
  const all = frequencies(headDim, theta, factor);
  return axisRotaryTable(Array.from(all, (frequency) => ({ positions: axis, frequency })));
}

/** One of the frequencies of a head, and the position of every row that it rotates with. */
export interface RotaryColumn {
  /** `[rows]`. */
  readonly positions: Uint32Array;
  readonly frequency: number;
}

/**
 * Rotary table of rows that have positions on several axes, which share a head's frequencies out.
 *
 * @param columns - The frequencies in their order.
 * @returns `[rows, columns, 2]`, as of `rotaryTable`.
 * @see Wang et al. 2024 (Qwen2-VL), sec. 2.1: time, height and width in the decoder, height and width in the tower.
 */
export function axisRotaryTable(columns: readonly RotaryColumn[]): Float32Array {
  const half = columns.length;
  const rows = columns[0]?.positions.length ?? 0;
  const table = new Float32Array(rows * half * 2);
  // Rows of a picture share their positions: each is rotated once.
  const ends = new Map<Uint32Array, number>();
  for (const [column, { positions, frequency }] of columns.entries()) {
    const end = ends.get(positions) ?? positions.reduce((most, at) => Math.max(most, at + 1), 0);
    ends.set(positions, end);
    const rotated = new Float32Array(2 * end);
    for (let position = 0; position < end; position++) {
      const angle = fround(position * frequency);
      rotated[2 * position] = Math.cos(angle);
      rotated[2 * position + 1] = Math.sin(angle);
    }
    for (let row = 0; row < rows; row++) {
      const [from, to] = [2 * positions[row]!, 2 * (row * half + column)];
      table[to] = rotated[from]!;
      table[to + 1] = rotated[from + 1]!;
    }
  }
  return table;
}

/** An RMS norm of every query head and every key head before they rotate (Henry et al. 2020; Qwen3). */
export interface HeadNorm {
  /** `[2 * headDim]`, f32: the gains of a query head, then those of a key head. */
  readonly weight: Tensor;
  /** Added to the mean square; dimensionless. */
  readonly eps: number;
}

/** What `splitRope` needs besides the rows, and how it reads them. */
export interface SplitOptions {
  /** `[rows]`, u32, each below the rows of `rotary`. */
  readonly position: Tensor;
  /** `[positions, headDim]`, f32: the upload of `rotaryTable`. */
  readonly rotary: Tensor;
  /** Where keys and values go: both `[capacity, kvHeads * headDim]`, dtype of `qkv`; rows `offset` and on are written. */
  readonly cache: { readonly k: Tensor; readonly v: Tensor; readonly offset: number };
  /** Of the heads in them; those of the results follow one another in any case. Default `split`. */
  readonly order?: HeadOrder;
  /** Default: none. */
  readonly norm?: HeadNorm | undefined;
}

/** Heads that threads rotate together, which each needs `threads` of; a divisor of the team, so that all heads have as many. */
function headsOf(team: number, threads: number): number {
  let heads = Math.max(1, Math.floor(team / threads));
  while (team % heads !== 0) heads--;
  return heads;
}

/**
 * Splits fused rows into query, key and value, and rotates query and key by their positions.
 *
 * @param qkv - `[rows, (heads + 2 kvHeads) * headDim]`, f32 or f16.
 * @returns The query, `[rows, heads * headDim]`, dtype of `qkv`.
 * @throws ShapeError if the operands do not fit one another.
 * @see Su et al. 2021, sec. 3.4; half rotation as in Hugging Face `rotate_half`.
 */
export function splitRope(
  rec: Recorder,
  qkv: Tensor,
  { heads, kvHeads, headDim }: HeadLayout,
  { position, rotary, cache, order = 'split', norm }: SplitOptions,
): Tensor {
  const [rows, width] = qkv.shape2();
  if (width !== (heads + 2 * kvHeads) * headDim || headDim % 2 !== 0)
    throw new ShapeError(`splitRope: qkv must have ${heads} + 2 * ${kvHeads} heads of ${headDim}, got ${qkv}.`);
  expectShape('splitRope', 'position', position, [rows]);
  expectDType('splitRope', 'position', position, 'u32');
  const { k, v, offset } = cache;
  if (offset + rows > k.shape2()[0]) throw new ShapeError(`splitRope: rows ${offset} + ${rows} do not fit ${k}.`);
  if (norm) expectShape('splitRope', 'norm', norm.weight, [2 * headDim]);
  const q = rec.empty('query', [rows, heads * headDim], qkv.dtype);
  const computeDtype = floatDType('splitRope', 'qkv', qkv);
  const all = heads + 2 * kvHeads;
  const { width: taken, team, codec } = laneOf(rec.runtime, computeDtype, headDim / 2);
  const together = taken === 1 ? 1 : headsOf(team, headDim / 2 / taken);
  rec.dispatch(kernel, {
    // Without a norm, the override keeps the kernel from reading what stands in for it.
    operands: { qkv, position, rotary, norm: norm?.weight ?? rotary, q, k, v },
    params: { heads, kvHeads, offset, eps: norm?.eps ?? 0 },
    constants: {
      HEAD_DIM: headDim,
      GROUPED: Number(order === 'grouped'),
      NORMED: Number(norm !== undefined),
      HEADS: together,
    },
    types: { computeDtype },
    codec,
    workgroups: [ceilDiv(all, together), rows],
  });
  return q;
}
