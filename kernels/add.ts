import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import { expectShape, type Tensor } from '../engine/tensor.ts';
import source from './add.wgsl';
import { ceilDiv, expectDType } from './grid.ts';
import { laneOf } from './lane/lane.ts';

const kernel = new Kernel('add', source);

/**
 * Adds `x`, each column times its scale, to a residual. Where nothing scales, a linear layer adds by itself.
 *
 * @param residual - `[period, dim]`, f32; repeats where it has fewer rows than `x`.
 * @param x - `[rows, dim]`, f32.
 * @param scale - `[dim]`, f32.
 * @returns `[rows, dim]`, f32.
 * @throws ShapeError if the operands do not fit one another.
 * @see Touvron et al. 2021 (LayerScale).
 */
export function add(rec: Recorder, residual: Tensor, x: Tensor, scale?: Tensor): Tensor {
  const [rows, dim] = x.shape2();
  const [period, width] = residual.shape2();
  if (width !== dim || rows % period !== 0)
    throw new ShapeError(`add: residual must be [a divisor of ${rows}, ${dim}], got ${residual}.`);
  if (scale) expectShape('add', 'scale', scale, [dim]);
  for (const tensor of [residual, x]) expectDType('add', tensor.label, tensor, 'f32');
  const y = rec.empty('add', x.shape, 'f32');
  const { width: taken, codec } = laneOf(rec.runtime, 'f32', dim);
  rec.dispatch(kernel, {
    // Without a scale, the override keeps the kernel from reading what stands in for it.
    operands: { residual, x, scale: scale ?? x, y },
    params: { dim, period },
    constants: { SCALED: Number(scale !== undefined) },
    types: { computeDtype: 'f32' },
    codec,
    workgroups: [ceilDiv(dim / taken, 64), rows],
  });
  return y;
}
