import type { HostTensor } from './host-tensor.ts';

export interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

export interface AttentionCase extends Heads {
  readonly causal: boolean;
  readonly segments?: number;
  /** First columns of q, k and v in their matrices; default 0. */
  readonly columns?: readonly [q: number, k: number, v: number];
}

/**
 * Attention within segments of lengths of their own, each a case of its own.
 *
 * @param starts - The row at which each begins, and the end of the last.
 */
export function unevenAttention(
  q: HostTensor,
  k: HostTensor,
  v: HostTensor,
  c: AttentionCase,
  starts: readonly number[],
): { y: Float64Array; exponent: number } {
  const parts = starts.slice(1).map((end, i) => {
    const of = (x: HostTensor): HostTensor => {
      const [, width = 0] = x.shape;
      return { ...x, shape: [end - starts[i]!, width], values: x.values.slice(starts[i]! * width, end * width) };
    };
    return attention(of(q), of(k), of(v), c);
  });
  return {
    y: Float64Array.from(parts.flatMap(({ y }) => [...y])),
    exponent: Math.max(...parts.map(({ exponent }) => exponent)),
  };
}

/** Softmax of scores. */
export function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - most));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Softmax attention, head by head and row by row; `exponent` is the largest |score|. */
export function attention(
  q: HostTensor,
  k: HostTensor,
  v: HostTensor,
  { heads, kvHeads, headDim, causal, segments = 1, columns = [0, 0, 0] }: AttentionCase,
): { y: Float64Array; exponent: number } {
  const [allRows = 0, qStride = 0] = q.shape;
  const [allKeys = 0, kStride = 0] = k.shape;
  const [, vStride = 0] = v.shape;
  const rows = allRows / segments;
  const keys = allKeys / segments;
  const y = new Float64Array(allRows * heads * headDim);
  let exponent = 0;
  for (let row = 0; row < allRows; row++)
    for (let head = 0; head < heads; head++) {
      const segment = Math.floor(row / rows);
      const seen = causal ? keys - rows + (row % rows) + 1 : keys;
      const kvHead = Math.floor(head / (heads / kvHeads));
      const qAt = row * qStride + columns[0] + head * headDim;
      const scores = Array.from({ length: seen }, (_, key) => {
        const kAt = (segment * keys + key) * kStride + columns[1] + kvHead * headDim;
        return dot(q.values, qAt, k.values, kAt, headDim) / Math.sqrt(headDim);
      });
      for (const score of scores) exponent = Math.max(exponent, Math.abs(score));
      for (const [key, weight] of softmax(scores).entries()) {
        const vAt = (segment * keys + key) * vStride + columns[2] + kvHead * headDim;
        for (let c = 0; c < headDim; c++) y[(row * heads + head) * headDim + c]! += weight * v.values[vAt + c]!;
      }
    }
  return { y, exponent };
}

/** Attention weights of the last rows, each up to its own key, `[last * heads, keys]`; `exponent` is the largest |score|. */
export function lastRowAttention(
  q: HostTensor,
  k: HostTensor,
  { heads, kvHeads, headDim }: Heads,
  last = 1,
): { weights: number[]; exponent: number } {
  const [rows = 0] = q.shape;
  const [keys = 0] = k.shape;
  const scores = Array.from({ length: last * heads }, (_, i) => {
    const [back, head] = [Math.floor(i / heads), i % heads];
    return Array.from({ length: keys - back }, (_, key) => {
      const qAt = ((rows - 1 - back) * heads + head) * headDim;
      const kAt = (key * kvHeads + Math.floor((head * kvHeads) / heads)) * headDim;
      return dot(q.values, qAt, k.values, kAt, headDim) / Math.sqrt(headDim);
    });
  });
  const padded = (row: number[]): number[] => [...softmax(row), ...new Array<number>(keys - row.length).fill(0)];
  return { weights: scores.flatMap(padded), exponent: Math.max(...scores.flat().map(Math.abs)) };
}

function dot(a: ArrayLike<number>, aAt: number, b: ArrayLike<number>, bAt: number, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += a[aAt + i]! * b[bAt + i]!;
  return sum;
}
