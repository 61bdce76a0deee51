import { expect } from 'chai';
import { ShapeError } from '../../engine/errors.ts';
import { patchify } from '../../kernels/patchify.ts';
import { pool, pooledSide, tokensPerFrame } from '../../kernels/pool.ts';
import * as patches from '../../kernels/reference/patchify.ts';
import * as pooling from '../../kernels/reference/pool.ts';
import { expectClose, largest, tolerance } from '../helpers/close.ts';
import { itOn, run, upload } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { host, random } from '../helpers/random.ts';

describe('patchify', () => {
  for (const out of ['f32', 'f16'] as const)
    for (const [frames, channels, height, width, patch, depth] of [
      [1, 1, 1, 1, 1, 1],
      [2, 3, 28, 42, 14, 1],
      [3, 3, 17, 11, 5, 1],
      [1, 2, 9, 8, 3, 1],
      [4, 3, 12, 20, 4, 2],
      [6, 2, 7, 9, 3, 3],
    ] as const)
      itOn(
        [out],
        `cuts ${frames} images of ${channels} x ${height} x ${width} by ${patch}, ${depth} together, into ${out}`,
        async () => {
          const pixels = random([frames, channels, height, width], { seed: 1, outliers: 2 });
          const got = await run((rec) => patchify(rec, upload(rec, pixels), patch, { out, depth }));
          expectClose(got, patches.patchify(pixels, patch, depth), tolerance(out));
        },
      );

  it('names what does not fit', async () => {
    const refuse = (shape: readonly number[], patch: number) =>
      expectRejection(
        run((rec) => patchify(rec, upload(rec, random(shape, { seed: 1 }), 'pixels'), patch)),
        ShapeError,
        'patchify: pixels must be [frames, channels, height, width]',
        "got 'pixels'",
      );
    await refuse([1, 3, 13, 20], 14);
    await refuse([3, 14, 14], 14);
    await expectRejection(
      run((rec) => patchify(rec, upload(rec, host([1, 1, 2, 2], [0, 0, 0, 0], 'f16')), 1)),
      ShapeError,
      'patchify: pixels must be f32',
    );
  });
});

describe('pool', () => {
  for (const mode of ['bilinear', 'average', 'max'] as const)
    for (const newlines of ['none', 'row', 'frame'] as const)
      it(`halves frames, ${mode}, newlines: ${newlines}`, async () => {
        for (const [frames, grid, dim] of [
          [1, 2, 1],
          [3, 5, 65],
          [2, 6, 3],
          [1, 27, 4],
        ] as const)
          await check(frames, grid, dim, { mode, newlines });
      });

  for (const newlines of ['none', 'row'] as const)
    itOn(['f16'], `reads f16 features, newlines: ${newlines}`, () =>
      check(2, 5, 33, { mode: 'bilinear', newlines }, 'f16'),
    );

  async function check(
    frames: number,
    grid: number,
    dim: number,
    { mode, newlines }: Omit<pooling.PoolCase, 'grid'>,
    computeDtype: 'f32' | 'f16' = 'f32',
  ): Promise<void> {
    const x = random([frames * grid ** 2, dim], { seed: 1, outliers: 2, dtype: computeDtype });
    const newline = random([dim], { seed: 2 });
    const got = await run((rec) => {
      const vector = newlines === 'none' ? undefined : upload(rec, newline);
      return pool(rec, upload(rec, x), { grid, mode, newlines, newline: vector });
    });
    const want = pooling.pool(x, { grid, mode, newlines }, newline.values);
    expect(want).to.have.length(frames * tokensPerFrame(pooledSide(grid, mode), newlines) * dim);
    // A source coordinate is good to the last place of `grid`.
    expectClose(got, want, tolerance('f32', { sumOf: grid ** 2, scale: largest(want) }));
  }

  it('names what does not fit', async () => {
    const refuse = (rows: number, grid: number, part: string, newline?: number) =>
      expectRejection(
        run((rec) => {
          const vector = newline === undefined ? undefined : upload(rec, random([newline], { seed: 1 }));
          const x = upload(rec, random([rows, 4], { seed: 1 }));
          return pool(rec, x, { grid, mode: 'average', newlines: 'row', newline: vector });
        }),
        ShapeError,
        'pool: ',
        part,
      );
    await refuse(17, 4, 'x must be whole frames of 4 x 4', 4);
    await refuse(1, 1, 'x must be whole frames of 1 x 1', 4);
    await refuse(16, 4, 'newline must be [4]', 5);
    await refuse(16, 4, 'need a newline vector');
  });
});
