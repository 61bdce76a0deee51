import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { ceilDiv, expectDType } from './grid.ts';
import { laneOf } from './lane/lane.ts';
import source from './mean-frames.wgsl';

const kernel = new Kernel('mean-frames', source);

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
  const { width, codec } = laneOf(rec.runtime, 'f32', each * dim);
  rec.dispatch(kernel, {
    operands: { x, y },
    params: { frames, size: each * dim },
    types: { computeDtype: 'f32' },
    codec,
    workgroups: [ceilDiv((each * dim) / width, 64), count],
  });
  return y;
}
