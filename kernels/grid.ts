import { ShapeError } from '../engine/errors.ts';
import type { AliasType } from '../engine/kernel.ts';
import type { Tensor } from '../engine/tensor.ts';

/** Workgroups that cover `n` elements. */
export function ceilDiv(n: number, size: number): number {
  return Math.ceil(n / size);
}

/** The dtype of activations: what an `alias` line can be set to. */
export function floatDType(op: string, operand: string, tensor: Tensor): AliasType {
  if (tensor.dtype === 'f32' || tensor.dtype === 'f16') return tensor.dtype;
  throw new ShapeError(`${op}: ${operand} must be f32 or f16, got ${tensor}.`);
}

/** Throws a `ShapeError` unless the tensor has the dtype. */
export function expectDType(op: string, operand: string, tensor: Tensor, dtype: Tensor['dtype']): void {
  if (tensor.dtype !== dtype) throw new ShapeError(`${op}: ${operand} must be ${dtype}, got ${tensor}.`);
}

/** Throws a `ShapeError` unless all tensors have the dtype of the first. */
export function expectOneDType(op: string, ...tensors: readonly Tensor[]): void {
  const [first] = tensors;
  const other = tensors.find(({ dtype }) => dtype !== first?.dtype);
  if (other) throw new ShapeError(`${op}: operands must have one dtype, got ${first} and ${other}.`);
}
