import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { ceilDiv, expectDType } from './grid.ts';
import { laneOf } from './lane/lane.ts';
import source from './patchify.wgsl';

const kernel = new Kernel('patchify', source);

/**
 * Cuts images into patches, each a row in the order of a convolution's weights, so that the patch embedding is a
 * linear layer.
 *
 * @param pixels - `[frames, channels, height, width]`, f32.
 * @param patchSize - Side of a patch in pixels; what is left over at the right and below is ignored.
 * @param options - `out`: dtype of the result. `depth`: successive frames that a patch reaches over; divides `frames`.
 * @returns `[frames / depth * floor(height / patchSize) * floor(width / patchSize), channels * depth * patchSize^2]`.
 * @throws ShapeError if the pixels are not four-dimensional f32, smaller than a patch, or not whole patches in time.
 */
export function patchify(
  rec: Recorder,
  pixels: Tensor,
  patchSize: number,
  { out = 'f32', depth = 1 }: { readonly out?: 'f32' | 'f16'; readonly depth?: number } = {},
): Tensor {
  expectDType('patchify', 'pixels', pixels, 'f32');
  const [frames, channels, height, width] = pixels.shape as [number, number, number, number];
  const patches = Math.floor(height / patchSize) * Math.floor(width / patchSize);
  if (pixels.shape.length !== 4 || !(patches > 0))
    throw new ShapeError(
      `patchify: pixels must be [frames, channels, height, width] of at least ${patchSize} pixels, got ${pixels}.`,
    );
  if (frames % depth !== 0)
    throw new ShapeError(
      `patchify: a patch takes ${depth} frames, and their number must be a multiple, got ${pixels}.`,
    );
  const dim = channels * depth * patchSize ** 2;
  const rows = (frames / depth) * patches;
  const y = rec.empty('patches', [rows, dim], out);
  const lane = laneOf(rec.runtime, out, patchSize, width);
  rec.dispatch(kernel, {
    operands: { pixels, y },
    params: { channels, height, width, patchSize, depth },
    types: { computeDtype: out },
    codec: lane.codec,
    workgroups: [ceilDiv(dim / lane.width, 64), rows],
  });
  return y;
}
