import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import geluSource from './gelu.wgsl';
import { ceilDiv, floatDType } from './grid.ts';
import { laneOf } from './lane/lane.ts';
import swigluSource from './swiglu.wgsl';

const geluKernel = new Kernel('gelu', geluSource);
const swigluKernel = new Kernel('swiglu', swigluSource);

/** `erf`: the exact form. `tanh`: its approximation, which PyTorch calls gelu_pytorch_tanh. `quick`: CLIP's. */
export type GeluForm = 'erf' | 'tanh' | 'quick';

const geluForms: readonly GeluForm[] = ['erf', 'tanh', 'quick'];

/**
 * Gaussian error linear unit, element by element.
 *
 * @param x - `[rows, dim]`, f32 or f16.
 * @returns Shape and dtype of `x`.
 * @see Hendrycks & Gimpel 2016.
 */
export function gelu(rec: Recorder, x: Tensor, form: GeluForm): Tensor {
  const [rows, dim] = x.shape2();
  const y = rec.empty('gelu', x.shape, x.dtype);
  const computeDtype = floatDType('gelu', 'x', x);
  const { width, codec } = laneOf(rec.runtime, computeDtype, dim);
  rec.dispatch(geluKernel, {
    operands: { x, y },
    params: { dim },
    constants: { FORM: geluForms.indexOf(form) },
    types: { computeDtype },
    codec,
    workgroups: [ceilDiv(dim / width, 64), rows],
  });
  return y;
}

/**
 * Gated activation `silu(gate) * up` of rows that hold the gate in their first half and up in their second.
 *
 * @param x - `[rows, 2 * dim]`, f32 or f16.
 * @param out - dtype of the result. Keep f32 for real models: the product has outliers beyond what f16 holds.
 * @returns `[rows, dim]`, dtype `out`.
 * @throws ShapeError if the last axis of `x` is odd.
 * @see Shazeer 2020 (GLU variants).
 */
export function swiglu(rec: Recorder, x: Tensor, out: 'f32' | 'f16' = 'f32'): Tensor {
  const [rows, width] = x.shape2();
  if (width % 2 !== 0) throw new ShapeError(`swiglu: x must have gate and up, an even last axis, got ${x}.`);
  const dim = width / 2;
  const y = rec.empty('swiglu', [rows, dim], out);
  const { width: taken, codec } = laneOf(rec.runtime, out, dim);
  rec.dispatch(swigluKernel, {
    operands: { x, y },
    params: { dim },
    types: { computeDtype: floatDType('swiglu', 'x', x), out },
    codec,
    workgroups: [ceilDiv(dim / taken, 64), rows],
  });
  return y;
}
