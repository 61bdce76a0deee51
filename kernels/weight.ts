import { bytesOf, type Tensor } from '../engine/tensor.ts';

/** How weights lie in memory; `codec/<format>.wgsl` says it bit by bit. `q8` and `q4` are blockwise integers. */
export type WeightFormat = 'f32' | 'f16' | 'bf16' | 'q8' | 'q4';

/** All of them. */
export const weightFormats: readonly WeightFormat[] = ['f32', 'f16', 'bf16', 'q8', 'q4'];

/** A matrix of weights, `[rows, columns]`. */
export interface Weight {
  readonly format: WeightFormat;
  readonly rows: number;
  readonly columns: number;
  /**
   * Its rows one part after another, each part a tensor that a kernel can bind. A row is padded: floats to a multiple of
   * 4 columns, integers to whole blocks, whose tensors are `[rows, words]` in u32.
   */
  readonly parts: readonly Tensor[];
}

/** Weights of a block of q8 and q4. */
export const BLOCK = 32;

/** 32-bit words of a block. */
const blockWords = { q8: 9, q4: 5 } as const;

/** dtype and length of a row of `columns` weights as a part holds it. */
export function storedRow(format: WeightFormat, columns: number): { dtype: Tensor['dtype']; length: number } {
  if (format === 'q8' || format === 'q4')
    return { dtype: 'u32', length: blockWords[format] * Math.ceil(columns / BLOCK) };
  return { dtype: format, length: 4 * Math.ceil(columns / 4) };
}

/** Bytes of a row of `columns` weights. */
export function rowBytes(format: WeightFormat, columns: number): number {
  const { dtype, length } = storedRow(format, columns);
  return length * bytesOf[dtype];
}

/** Rows of each part where a part may have `maxBytes`: as many as fit, at least one. */
export function partRows(format: WeightFormat, rows: number, columns: number, maxBytes: number): number[] {
  const most = Math.max(1, Math.floor(maxBytes / rowBytes(format, columns)));
  return Array.from({ length: Math.ceil(rows / most) }, (_, i) => Math.min(most, rows - i * most));
}

/** A tensor of floats whose rows need no padding as weights. */
export function weightOf(tensor: Tensor, format: 'f32' | 'f16' | 'bf16' = tensor.dtype as 'f32'): Weight {
  const [rows, columns] = tensor.shape2();
  return { format, rows, columns, parts: [tensor] };
}

/**
 * Rows `first` to `first + count` of a weight, in place: a kernel can bind them where their first byte meets the adapter's
 * storage alignment.
 */
export function weightRows({ format, columns, parts }: Weight, first: number, count: number): Weight {
  const taken: Tensor[] = [];
  let start = 0;
  for (const part of parts) {
    const [from, to] = [Math.max(first, start), Math.min(first + count, start + (part.shape[0] ?? 0))];
    if (from < to) taken.push(part.rows(from - start, to - from));
    start += part.shape[0] ?? 0;
  }
  return { format, rows: count, columns, parts: taken };
}
