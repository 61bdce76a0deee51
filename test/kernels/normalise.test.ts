import { expect } from 'chai';
import { ShapeError } from '../../engine/errors.ts';
import type { Recorder } from '../../engine/recorder.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { normalise } from '../../kernels/normalise.ts';
import * as reference from '../../kernels/reference/normalise.ts';
import { imagenetPixels, pixelValues } from '../../models/preprocess.ts';
import { run } from '../helpers/device.ts';

/** Bytes that repeat only after all 256, out of step with channels and words. */
const bytes = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, i) => (i * 37 + (i >> 8)) % 256);

const values = pixelValues(imagenetPixels);

function onGpu(rec: Recorder, rgb: Uint8Array, shape: readonly [number, number, number]): Tensor {
  const words = rec.upload('rgb', [Math.ceil(rgb.length / 4)], 'u32', rgb);
  return normalise(rec, words, rec.upload('values', [3, 256], 'f32', values), shape);
}

describe('normalise', () => {
  // A pixel alone; a size whose bytes fill no word; a row of more than a workgroup; a higher frame than wide.
  for (const shape of [
    [1, 1, 1],
    [3, 5, 7],
    [2, 3, 65],
    [1, 130, 4],
  ] as const)
    it(`gives every byte its channel's value, bit for bit, for ${shape.join(' x ')}`, async () => {
      const rgb = bytes(3 * shape[0] * shape[1] * shape[2]);
      const got = await run((rec) => onGpu(rec, rgb, shape));
      expect([...got]).to.deep.equal([...reference.normalise(rgb, values, shape)]);
    });

  it('refuses bytes that are not of its shape', async () => {
    const wrong = run((rec) => onGpu(rec, bytes(12), [1, 2, 3]));
    expect(await wrong.catch((error: unknown) => error)).to.be.instanceOf(ShapeError);
  });
});
