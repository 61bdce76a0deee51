import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import { expectShape, type Tensor } from '../engine/tensor.ts';
import { ceilDiv, expectDType } from './grid.ts';
import normaliseSource from './normalise.wgsl';

const kernel = new Kernel('normalise', normaliseSource);

/**
 * Normalises frames in 8 bit by a table, and sets their channels one after the other.
 *
 * @param rgb - The bytes of `[frames, height, width, 3]`, as u32 of four each, the first in the lowest bits.
 * @param values - `[3, 256]`, f32: what each byte of a channel becomes.
 * @param shape - `[frames, height, width]`.
 * @returns `[frames, 3, height, width]`, f32.
 * @throws ShapeError if there are other bytes, or other values, than the shape has.
 */
export function normalise(
  rec: Recorder,
  rgb: Tensor,
  values: Tensor,
  [frames, height, width]: readonly [frames: number, height: number, width: number],
): Tensor {
  expectDType('normalise', 'rgb', rgb, 'u32');
  expectDType('normalise', 'values', values, 'f32');
  expectShape('normalise', 'values', values, [3, 256]);
  const bytes = 3 * frames * height * width;
  if (rgb.size !== ceilDiv(bytes, 4))
    throw new ShapeError(`normalise: rgb must be ${bytes} bytes for ${frames} x ${height} x ${width}, got ${rgb}.`);
  const y = rec.empty('pixels', [frames, 3, height, width], 'f32');
  rec.dispatch(kernel, {
    operands: { rgb, values, y },
    params: { width, height },
    workgroups: [ceilDiv(width, 64), height, 3 * frames],
  });
  return y;
}
