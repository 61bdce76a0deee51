import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { ceilDiv, expectDType } from './grid.ts';
import source from './interpolate.wgsl';
import { laneOf } from './lane/lane.ts';
import type { Grid } from './merge-patches.ts';

const kernel = new Kernel('interpolate', source);

/**
 * Resamples a square table of rows to a grid, bilinearly, corners on corners: learned positions for pictures of any size.
 *
 * @param table - `[side^2, dim]`, f32, row by row.
 * @returns `[rows * columns, dim]`, f32, row by row.
 * @throws ShapeError if the table is no square.
 * @see Hugging Face `Qwen3VLVisionModel.fast_pos_embed_interpolate`.
 */
export function interpolate(rec: Recorder, table: Tensor, { rows, columns }: Grid): Tensor {
  expectDType('interpolate', 'table', table, 'f32');
  const [places, dim] = table.shape2();
  const side = Math.sqrt(places);
  if (!Number.isInteger(side)) throw new ShapeError(`interpolate: table must be [side^2, *], got ${table}.`);
  const y = rec.empty('interpolated', [rows * columns, dim], 'f32');
  const { width, codec } = laneOf(rec.runtime, 'f32', dim);
  rec.dispatch(kernel, {
    operands: { table, y },
    params: { side, rows, columns, dim },
    types: { computeDtype: 'f32' },
    codec,
    workgroups: [ceilDiv(dim / width, 64), rows * columns],
  });
  return y;
}
