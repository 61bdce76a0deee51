import { expect } from 'chai';
import { ShapeError } from '../../engine/errors.ts';
import { meanFrames } from '../../kernels/mean-frames.ts';
import { mergePatches } from '../../kernels/merge-patches.ts';
import * as reference from '../../kernels/reference/merge-patches.ts';
import { expectClose, tolerance } from '../helpers/close.ts';
import { run, upload } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { random } from '../helpers/random.ts';

describe('mergePatches', () => {
  for (const [frames, rows, columns, by, dim] of [
    [1, 1, 1, 1, 1],
    [1, 1, 1, 2, 3],
    [2, 8, 8, 2, 33],
    [3, 7, 7, 2, 5],
    [2, 10, 10, 3, 17],
    [3, 4, 10, 2, 9],
    [2, 9, 5, 2, 4],
  ] as const)
    it(`joins ${by} x ${by} of ${frames} grids of ${rows} x ${columns} with ${dim} features`, async () => {
      const x = random([frames * rows * columns, dim], { seed: 1, outliers: 2 });
      const got = await run((rec) => mergePatches(rec, upload(rec, x), { rows, columns }, by));
      expect([...got]).to.deep.equal(reference.mergePatches(x, { rows, columns }, by).map(Math.fround));
    });

  it('names what does not fit', () =>
    expectRejection(
      run((rec) =>
        mergePatches(rec, upload(rec, random([17, 4], { seed: 1 }), 'features'), { rows: 4, columns: 4 }, 2),
      ),
      ShapeError,
      'mergePatches: x must be whole frames of 4 x 4',
      "got 'features'",
    ));
});

describe('meanFrames', () => {
  for (const [groups, frames, each, dim] of [
    [1, 1, 1, 1],
    [2, 8, 16, 33],
    [5, 2, 3, 65],
  ] as const)
    it(`is the mean of ${frames} frames of ${each} rows, ${groups} times`, async () => {
      const x = random([groups * frames * each, dim], { seed: 1, outliers: 2 });
      const got = await run((rec) => meanFrames(rec, upload(rec, x), { frames, each }));
      expectClose(got, reference.meanFrames(x, frames, each), tolerance('f32', { sumOf: frames }));
    });

  it('names what does not fit', () =>
    expectRejection(
      run((rec) => meanFrames(rec, upload(rec, random([9, 4], { seed: 1 })), { frames: 2, each: 4 })),
      ShapeError,
      'meanFrames: x must be groups of 2 frames of 4 rows',
    ));
});
