import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { ceilDiv, expectDType } from './grid.ts';
import { laneOf } from './lane/lane.ts';
import source from './merge-patches.wgsl';

const kernel = new Kernel('merge-patches', source);

/** A picture's features, row by row. */
export interface Grid {
  readonly rows: number;
  readonly columns: number;
}

/** What becomes of a grid. */
export function mergedGrid({ rows, columns }: Grid, by: number): Grid {
  return { rows: Math.ceil(rows / by), columns: Math.ceil(columns / by) };
}

/**
 * Joins the features of `by` x `by` neighbours in each frame's grid, row by row; zeros stand beyond its edges.
 *
 * @param x - `[frames * rows * columns, dim]`, f32.
 * @returns `[frames * ceil(rows / by) * ceil(columns / by), by^2 * dim]`, f32.
 * @throws ShapeError if the rows are not whole frames.
 * @see InternVL modeling_internvl_chat.py, pixel_shuffle (v2); VILA base_projector.py, flat_square_3x3; Qwen2-VL's merger.
 */
export function mergePatches(rec: Recorder, x: Tensor, { rows, columns }: Grid, by: number): Tensor {
  expectDType('mergePatches', 'x', x, 'f32');
  const [all, dim] = x.shape2();
  const frames = all / (rows * columns);
  if (!Number.isInteger(frames))
    throw new ShapeError(`mergePatches: x must be whole frames of ${rows} x ${columns}, got ${x}.`);
  const to = mergedGrid({ rows, columns }, by);
  const cells = frames * to.rows * to.columns;
  const y = rec.empty('merged patches', [cells, by ** 2 * dim], 'f32');
  const { width, codec } = laneOf(rec.runtime, 'f32', dim);
  rec.dispatch(kernel, {
    operands: { x, y },
    params: { rows, columns, by, dim },
    types: { computeDtype: 'f32' },
    codec,
    workgroups: [ceilDiv((by ** 2 * dim) / width, 64), cells],
  });
  return y;
}
