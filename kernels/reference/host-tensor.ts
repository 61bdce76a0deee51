import type { DType } from '../../engine/tensor.ts';

/** Numbers of one row, or of a head's part of one. */
export type Row = ArrayLike<number>;

/** A tensor on the host, its elements widened to numbers. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly values: Float32Array | Uint32Array;
}

/** The sum of the products of two rows. */
export function dot(a: Row, b: Row): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** The mean of a row. */
export function mean(row: Row): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += row[i]!;
  return sum / row.length;
}
