import { Kernel } from '../../engine/kernel.ts';
import type { Recorder } from '../../engine/recorder.ts';
import { expectShape, type Tensor } from '../../engine/tensor.ts';
import { floatDType } from '../grid.ts';
import combineRowsSource from './combine-rows.wgsl';

const kernel = new Kernel('combine-rows', combineRowsSource);

/**
 * Weighted sums of rows.
 *
 * @param x - `[rows, dim]`, f32 or f16.
 * @param sums - `starts` `[sums + 1]`, u32: where each sum's members begin, and where the last one's end; `members`
 *   `[all]`, u32: rows of `x`; `weights` `[all]`, f32.
 * @returns `[sums, dim]`, dtype of `x`. Sums are f32, in the order of members.
 */
export function combineRows(
  rec: Recorder,
  x: Tensor,
  { starts, members, weights }: { readonly starts: Tensor; readonly members: Tensor; readonly weights: Tensor },
): Tensor {
  const [, dim] = x.shape2();
  expectShape('combineRows', 'weights', weights, [members.size]);
  const y = rec.empty(x.label, [starts.size - 1, dim], x.dtype);
  rec.dispatch(kernel, {
    operands: { x, starts, members, weights, y },
    params: { dim },
    types: { computeDtype: floatDType('combineRows', 'x', x) },
    workgroups: [starts.size - 1],
  });
  return y;
}
