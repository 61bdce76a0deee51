import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import source from './fold.wgsl';
import { ceilDiv, expectDType } from './grid.ts';
import meanSource from './mean-frames.wgsl';

const kernel = new Kernel('fold', source);
const meanKernel = new Kernel('mean-frames', meanSource);

/** A picture's features, row by row. */
export interface Grid {
  readonly rows: number;
  readonly columns: number;
}

/** What becomes of a grid. */
export function folded({ rows, columns }: Grid, by: number): Grid {
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
export function fold(rec: Recorder, x: Tensor, { rows, columns }: Grid, by: number): Tensor {
  expectDType('fold', 'x', x, 'f32');
  const [all, dim] = x.shape2();
  const frames = all / (rows * columns);
  if (!Number.isInteger(frames))
    throw new ShapeError(`fold: x must be whole frames of ${rows} x ${columns}, got ${x}.`);
  const to = folded({ rows, columns }, by);
  const cells = frames * to.rows * to.columns;
  const y = rec.empty('folded', [cells, by ** 2 * dim], 'f32');
  rec.dispatch(kernel, {
    operands: { x, y },
    params: { rows, columns, by, dim },
    workgroups: [ceilDiv(by ** 2 * dim, 64), cells],
  });
  return y;
}

/**
 * Mean of the features of each group of `frames` successive frames.
 *
 * @param x - `[groups * frames * each, dim]`, f32: `each` rows a frame.
 * @returns `[groups * each, dim]`, f32.
 * @throws ShapeError if the rows are not whole groups.
 * @see VILA encoders/video/tsp.py.
 */
export function meanFrames(
  rec: Recorder,
  x: Tensor,
  { frames, each }: { readonly frames: number; readonly each: number },
): Tensor {
  expectDType('meanFrames', 'x', x, 'f32');
  const [rows, dim] = x.shape2();
  const count = rows / (frames * each);
  if (!Number.isInteger(count))
    throw new ShapeError(`meanFrames: x must be groups of ${frames} frames of ${each} rows, got ${x}.`);
  const y = rec.empty('mean of frames', [count * each, dim], 'f32');
  rec.dispatch(meanKernel, {
    operands: { x, y },
    params: { frames, size: each * dim },
    workgroups: [ceilDiv(each * dim, 64), count],
  });
  return y;
}
