import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import source from './fold.wgsl';
import { expectDType, groups } from './grid.ts';

const kernel = new Kernel('fold', source);

/** Side of the folded grid. */
export function foldedSide(grid: number, by: number): number {
  return Math.ceil(grid / by);
}

/**
 * Joins the features of `by` x `by` neighbours in each frame's square grid, row by row; zeros stand beyond its edges.
 *
 * @param x - `[frames * grid^2, dim]`, f32.
 * @returns `[frames * ceil(grid / by)^2, by^2 * dim]`, f32.
 * @throws ShapeError if the rows are not whole frames.
 * @see InternVL modeling_internvl_chat.py, pixel_shuffle (v2); VILA base_projector.py, flat_square_3x3.
 */
export function fold(rec: Recorder, x: Tensor, { grid, by }: { grid: number; by: number }): Tensor {
  expectDType('fold', 'x', x, 'f32');
  const [rows, dim] = x.shape2();
  const frames = rows / grid ** 2;
  if (!Number.isInteger(frames)) throw new ShapeError(`fold: x must be whole frames of ${grid} x ${grid}, got ${x}.`);
  const side = foldedSide(grid, by);
  const y = rec.empty('folded', [frames * side ** 2, by ** 2 * dim], 'f32');
  rec.dispatch(kernel, {
    operands: { x, y },
    params: { grid, side, by, dim },
    workgroups: [groups(by ** 2 * dim, 64), frames * side ** 2],
  });
  return y;
}
