import { InputError, ShapeError } from './errors.ts';

/** Element types that a buffer can hold. `bf16` occurs in weights only: kernels read it through a codec. */
export type DType = 'f32' | 'f16' | 'bf16' | 'u32' | 'i32';

/** Bytes of one element. */
export const bytesOf: Readonly<Record<DType, number>> = { f32: 4, f16: 2, bf16: 2, u32: 4, i32: 4 };

/**
 * An immutable description of a GPU buffer, or of a run of rows in one. It owns nothing: whoever allocated the
 * buffer (a recorder scope, a model, a cache) releases it.
 */
export class Tensor {
  readonly label: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly buffer: GPUBuffer;
  readonly byteOffset: number;

  constructor(label: string, shape: readonly number[], dtype: DType, buffer: GPUBuffer, byteOffset = 0) {
    this.label = label;
    this.shape = shape;
    this.dtype = dtype;
    this.buffer = buffer;
    this.byteOffset = byteOffset;
  }

  /** Number of elements. */
  get size(): number {
    return this.shape.reduce((product, n) => product * n, 1);
  }

  /** Bytes of the elements, rounded up to the 4 that WebGPU copies and binds in. */
  get byteLength(): number {
    return Math.ceil((this.size * bytesOf[this.dtype]) / 4) * 4;
  }

  /** The shape as `[rows, columns]`: the last axis, and all others together. */
  shape2(): [rows: number, columns: number] {
    const columns = this.shape.at(-1) ?? 1;
    const rows = this.shape.slice(0, -1).reduce((product, n) => product * n, 1);
    return [rows, columns];
  }

  /** The same elements under another shape. */
  reshape(shape: readonly number[]): Tensor {
    const view = new Tensor(this.label, shape, this.dtype, this.buffer, this.byteOffset);
    if (view.size !== this.size) throw new ShapeError(`reshape: ${this} has ${this.size} elements, not [${shape}].`);
    return view;
  }

  /**
   * Rows `start` to `start + count` of the first axis, in place.
   *
   * A kernel can bind the view only where its first byte meets the adapter's storage alignment; copies need 4.
   */
  rows(start: number, count: number): Tensor {
    const rows = this.shape[0] ?? 0;
    if (start < 0 || count < 0 || start + count > rows)
      throw new ShapeError(`rows: ${start} + ${count} lies outside ${this}.`);
    const rowBytes = rows === 0 ? 0 : (this.size / rows) * bytesOf[this.dtype];
    const shape = [count, ...this.shape.slice(1)];
    return new Tensor(this.label, shape, this.dtype, this.buffer, this.byteOffset + start * rowBytes);
  }

  /** Label, shape and dtype, for errors. */
  toString(): string {
    return `'${this.label}' [${this.shape}] ${this.dtype}`;
  }
}

/**
 * Bytes of a tensor that is to be made.
 *
 * @throws InputError if `shape` is none: an extent that is negative, broken or not a number.
 */
export function bytesOfShape(label: string, shape: readonly number[], dtype: DType): number {
  const bytes = shape.reduce((product, n) => product * n, bytesOf[dtype]);
  if (shape.every((n) => Number.isSafeInteger(n) && n >= 0) && Number.isSafeInteger(bytes)) return bytes;
  throw new InputError(`'${label}': [${shape}] is no shape of a tensor.`);
}

/** Throws a `ShapeError` that names operation, operand, expectation and fact unless `tensor` has `shape`. */
export function expectShape(op: string, operand: string, tensor: Tensor, shape: readonly number[]): void {
  const same = tensor.shape.length === shape.length && shape.every((n, axis) => tensor.shape[axis] === n);
  if (!same) throw new ShapeError(`${op}: ${operand} must be [${shape}], got ${tensor}.`);
}
