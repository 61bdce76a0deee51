import { dot, type HostTensor, type Row } from './host-tensor.ts';

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

/** What one head of one row takes from the keys that it sees, and its scores. */
export function attend(q: Row, keys: readonly Row[], values: readonly Row[]): { y: Float64Array; scores: number[] } {
  const scores = keys.map((key) => dot(q, key) / Math.sqrt(q.length));
  const y = new Float64Array(values[0]?.length ?? q.length);
  for (const [j, weight] of softmax(scores).entries())
    for (let c = 0; c < y.length; c++) y[c]! += weight * values[j]![c]!;
  return { y, scores };
}

/** Softmax attention, head by head and row by row; `exponent` is the largest |score|. */
export function attention(
  q: HostTensor,
  k: HostTensor,
  v: HostTensor,
  { heads, kvHeads, headDim, causal, segments = 1, columns = [0, 0, 0] }: AttentionCase,
): { y: Float64Array; exponent: number } {
  const headOf = ({ shape, values }: HostTensor, row: number, column: number, head: number): Row =>
    values.subarray(row * shape[1]! + column + head * headDim, row * shape[1]! + column + (head + 1) * headDim);
  const [allRows = 0] = q.shape;
  const [rows, keys] = [allRows / segments, k.shape[0]! / segments];
  const y = new Float64Array(allRows * heads * headDim);
  let exponent = 0;
  for (let row = 0; row < allRows; row++)
    for (let head = 0; head < heads; head++) {
      const first = Math.floor(row / rows) * keys;
      const seen = causal ? keys - rows + (row % rows) + 1 : keys;
      const kvHead = Math.floor(head / (heads / kvHeads));
      const rowsOf = (x: HostTensor, column: number): Row[] =>
        Array.from({ length: seen }, (_, key) => headOf(x, first + key, column, kvHead));
      const one = attend(headOf(q, row, columns[0], head), rowsOf(k, columns[1]), rowsOf(v, columns[2]));
      for (const score of one.scores) exponent = Math.max(exponent, Math.abs(score));
      y.set(one.y, (row * heads + head) * headDim);
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
      const [a, b] = [q.values.subarray(qAt, qAt + headDim), k.values.subarray(kAt, kAt + headDim)];
      return dot(a, b) / Math.sqrt(headDim);
    });
  });
  const padded = (row: number[]): number[] => [...softmax(row), ...new Array<number>(keys - row.length).fill(0)];
  return { weights: scores.flatMap(padded), exponent: Math.max(...scores.flat().map(Math.abs)) };
}
