import { expect } from 'chai';
import { ShapeError } from '../../engine/errors.ts';
import { layerNorm, rmsNorm } from '../../kernels/norm.ts';
import * as reference from '../../kernels/reference/norm.ts';
import { expectClose, largest, tolerance } from '../helpers/close.ts';
import { itOn, run, upload } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { host, random } from '../helpers/random.ts';

const sizes = [
  [1, 1],
  [2, 31],
  [5, 896],
  [17, 33],
  [33, 64],
  [257, 3],
] as const;
const variants = [
  ['f32', 'f32'],
  ['f32', 'f16'],
  ['f16', 'f32'],
  ['f16', 'f16'],
] as const;

for (const [computeDtype, out] of variants)
  for (const [rows, dim] of sizes) {
    const what = `matches the float64 reference for ${rows} rows of ${dim}, ${computeDtype} into ${out}`;
    const x = random([rows, dim], { seed: 1, outliers: 3, dtype: computeDtype });
    const weight = random([dim], { seed: 2 });
    const bias = random([dim], { seed: 3 });

    describe('rmsNorm', () => {
      itOn([computeDtype, out], what, async () => {
        const got = await run((rec) => rmsNorm(rec, upload(rec, x), upload(rec, weight), { eps: 1e-6, out }));
        const want = reference.rmsNorm(x, weight, 1e-6);
        expectClose(got, want, tolerance(out, { scale: largest(want) }));
      });
    });

    describe('layerNorm', () => {
      itOn([computeDtype, out], what, async () => {
        const got = await run((rec) => {
          const weights = { weight: upload(rec, weight), bias: upload(rec, bias) };
          return layerNorm(rec, upload(rec, x), weights, { eps: 1e-6, out });
        });
        const want = reference.layerNorm(x, { weight, bias }, 1e-6);
        expectClose(got, want, tolerance(out, { sumOf: dim, scale: largest(want) }));
      });
    });
  }

describe('rmsNorm', () => {
  it('gives zero for a row of zeros, by its eps', async () => {
    const zeros = host([2, 40], new Float32Array(80));
    const got = await run((rec) =>
      rmsNorm(rec, upload(rec, zeros), upload(rec, random([40], { seed: 1 })), { eps: 1e-6 }),
    );
    for (const value of got) expect(Math.abs(value)).to.equal(0);
  });

  it('refuses a weight of another size', () =>
    expectRejection(
      run((rec) =>
        rmsNorm(rec, upload(rec, random([2, 6], { seed: 1 })), upload(rec, random([5], { seed: 1 })), { eps: 1e-6 }),
      ),
      ShapeError,
      'rmsNorm: weight must be [6]',
      '[5] f32',
    ));

  it('refuses rows that are no floats', () =>
    expectRejection(
      run((rec) => {
        const x = upload(rec, host([2, 6], new Uint32Array(12), 'u32'), 'ids');
        return rmsNorm(rec, x, upload(rec, random([6], { seed: 1 })), { eps: 1e-6 });
      }),
      ShapeError,
      "rmsNorm: x must be f32 or f16, got 'ids' [2,6] u32",
    ));
});

describe('layerNorm', () => {
  it('does not cancel where the mean is far larger than the spread', async () => {
    const x = random([3, 500], { seed: 7 });
    const shifted = host(
      x.shape,
      Float32Array.from(x.values, (value) => 5000 + value),
    );
    const ones = host([500], new Float32Array(500).fill(1));
    const zeros = host([500], new Float32Array(500));
    const got = await run((rec) => {
      const weights = { weight: upload(rec, ones), bias: upload(rec, zeros) };
      return layerNorm(rec, upload(rec, shifted), weights, { eps: 1e-6 });
    });
    const want = reference.layerNorm(shifted, { weight: ones, bias: zeros }, 1e-6);
    // The mean of numbers near 5000 is only good to their last place, 0.0005, times a few.
    expectClose(got, want, { atol: 2e-3, rtol: 1e-5 });
  });

  it('refuses a bias of another size', () =>
    expectRejection(
      run((rec) => {
        const weights = { weight: upload(rec, random([6], { seed: 1 })), bias: upload(rec, random([7], { seed: 1 })) };
        return layerNorm(rec, upload(rec, random([2, 6], { seed: 1 })), weights, { eps: 1e-6 });
      }),
      ShapeError,
      'layerNorm: bias must be [6]',
    ));
});
