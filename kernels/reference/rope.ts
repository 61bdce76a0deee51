import type { Heads } from './attention.ts';
import type { HostTensor, Row } from './host-tensor.ts';

/** The angle of a pair of elements at a position, each step rounded to f32 as in Hugging Face's Qwen2. */
export function angle(position: number, i: number, headDim: number, theta: number, factor = 1): number {
  const power = Math.fround(theta ** Math.fround((2 * i) / headDim));
  return Math.fround(position * Math.fround(Math.fround(1 / power) / factor));
}

/** Rows whose heads are grouped by key head, as InternLM2 stores them, from rows of all queries, keys and values. */
export function grouped(qkv: HostTensor, { heads, kvHeads, headDim }: Heads): HostTensor {
  const [rows = 0, width = 0] = qkv.shape;
  const values = qkv.values.slice();
  const each = heads / kvHeads;
  const order = Array.from({ length: kvHeads }, (_, group) => [
    ...Array.from({ length: each }, (_unused, i) => group * each + i),
    heads + group,
    heads + kvHeads + group,
  ]).flat();
  for (let row = 0; row < rows; row++)
    for (const [to, from] of order.entries())
      for (let c = 0; c < headDim; c++)
        values[row * width + to * headDim + c] = qkv.values[row * width + from * headDim + c]!;
  return { ...qkv, values };
}

/** Fused rows whose query and key heads have an RMS norm each. @param gains - Of a query head, then of a key head. */
export function headNorm(
  qkv: HostTensor,
  { heads, kvHeads, headDim }: Heads,
  gains: ArrayLike<number>,
  eps: number,
): HostTensor {
  const [rows = 0, width = 0] = qkv.shape;
  const values = Float32Array.from(qkv.values);
  for (let row = 0; row < rows; row++)
    for (let head = 0; head < heads + kvHeads; head++) {
      const x = values.subarray(row * width + head * headDim, row * width + (head + 1) * headDim);
      const mean = x.reduce((sum, value) => sum + value * value, 0) / headDim;
      const first = head < heads ? 0 : headDim;
      for (let c = 0; c < headDim; c++) x[c] = (x[c]! / Math.sqrt(mean + eps)) * gains[first + c]!;
    }
  return { ...qkv, values };
}

/** A head rotated, first half against second half (Hugging Face's `rotate_half`). @param angleOf - Of each pair. */
export function rotate(row: Row, angleOf: (pair: number) => number): Float64Array {
  const half = row.length / 2;
  return Float64Array.from(row, (value, c) => {
    const angle = angleOf(c % half);
    const partner = c < half ? -row[c + half]! : row[c - half]!;
    return value * Math.cos(angle) + partner * Math.sin(angle);
  });
}

/** Query, key and value of fused rows; query and key rotated by their positions, first half against second half. */
export function splitRope(
  qkv: HostTensor,
  positions: ArrayLike<number>,
  { heads, kvHeads, headDim }: Heads,
  theta: number,
): { q: Float64Array; k: Float64Array; v: Float64Array } {
  const [rows = 0, width = 0] = qkv.shape;
  const take = (first: number, count: number, rotated: boolean): Float64Array => {
    const y = new Float64Array(rows * count * headDim);
    for (let row = 0; row < rows; row++)
      for (let head = 0; head < count; head++) {
        const at = row * width + (first + head) * headDim;
        const x = qkv.values.subarray(at, at + headDim);
        const angleOf = (pair: number): number => angle(positions[row]!, pair, headDim, theta);
        y.set(rotated ? rotate(x, angleOf) : x, (row * count + head) * headDim);
      }
    return y;
  };
  return {
    q: take(0, heads, true),
    k: take(heads, kvHeads, true),
    v: take(heads + kvHeads, kvHeads, false),
  };
}
