import { dot, type HostTensor, type Row } from './host-tensor.ts';

/** Rows of the video tokens in the order of the stage: by place in the frame, then by time. */
export function byPatch(patch: ArrayLike<number>): number[] {
  const order: number[] = [];
  for (const type of [...new Set(Array.from(patch))].sort((a, b) => a - b))
    if (type >= 0) for (let row = 0; row < patch.length; row++) if (patch[row] === type) order.push(row);
  return order;
}

/** Cosine of the angle between two rows. */
export function cosine(a: Row, b: Row): number {
  return dot(a, b) / (Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b)));
}

/** Cosine similarity of each video token, by patch, with the one before it; -2 for the first of a patch. */
export function similarity({ shape, values }: HostTensor, patch: ArrayLike<number>): number[] {
  const dim = shape[1] ?? 0;
  const order = byPatch(patch);
  return order.map((row, rank) => {
    const before = order[rank - 1];
    if (before === undefined || patch[before] !== patch[row]) return -2;
    return cosine(values.subarray(row * dim, (row + 1) * dim), values.subarray(before * dim, (before + 1) * dim));
  });
}

/** Indices of the `k` largest: NaN above all, among equals the lowest index first. In ascending order. */
export function largestK(values: readonly number[], k: number): number[] {
  const above = (a: number, b: number): boolean => (Number.isNaN(a) ? !Number.isNaN(b) : a > b);
  return [...values.keys()]
    .sort((i, j) => (above(values[i]!, values[j]!) ? -1 : above(values[j]!, values[i]!) ? 1 : i - j))
    .slice(0, k)
    .sort((i, j) => i - j);
}

export interface Reduced {
  /** Rows that survive. */
  readonly keep: number[];
  readonly hidden: Float64Array;
  readonly patch: number[];
}

/**
 * A merge: every run of consecutive merged tokens, in the order by patch, goes into the token before it, which becomes
 * the plain mean of all (golden README, FrameFusion 5).
 *
 * @param merged - Indices in the order by patch.
 */
export function merge({ shape, values }: HostTensor, patch: ArrayLike<number>, merged: Iterable<number>): Reduced {
  const [rows = 0, dim = 0] = shape;
  const order = byPatch(patch);
  const gone = new Set(merged);
  const members = new Map<number, number[]>();
  let into = -1;
  for (const [rank, row] of order.entries()) {
    if (!gone.has(rank)) into = row;
    members.set(into, [...(members.get(into) ?? []), row]);
  }
  const goneRows = new Set([...gone].map((rank) => order[rank]!));
  const keep = Array.from({ length: rows }, (_, row) => row).filter((row) => !goneRows.has(row));
  const hidden = keep.flatMap((row) => {
    const run = members.get(row) ?? [row];
    return Array.from(
      { length: dim },
      (_, c) => run.reduce((sum, member) => sum + values[member * dim + c]!, 0) / run.length,
    );
  });
  return { keep, hidden: Float64Array.from(hidden), patch: keep.map((row) => patch[row]!) };
}

/** Pruning: of the rows `first` to `first + length` the `chosen` ones stay, and all other rows. */
export function prune(
  { shape, values }: HostTensor,
  patch: ArrayLike<number>,
  { first, length, chosen }: { first: number; length: number; chosen: readonly number[] },
): Reduced {
  const [rows = 0, dim = 0] = shape;
  const stays = (row: number): boolean => row < first || row >= first + length || chosen.includes(row - first);
  const keep = Array.from({ length: rows }, (_, row) => row).filter(stays);
  const hidden = Float64Array.from(keep.flatMap((row) => [...values.subarray(row * dim, (row + 1) * dim)]));
  return { keep, hidden, patch: keep.map((row) => patch[row]!) };
}

/** Weighted sums of rows. */
export function combineRows(
  { shape, values }: HostTensor,
  sums: readonly (readonly (readonly [row: number, weight: number])[])[],
): Float64Array {
  const dim = shape[1] ?? 0;
  const out = new Float64Array(sums.length * dim);
  for (const [i, members] of sums.entries())
    for (const [row, weight] of members)
      for (let c = 0; c < dim; c++) out[i * dim + c]! += weight * values[row * dim + c]!;
  return out;
}
