import { expect } from 'chai';
import { ShapeError } from '../../engine/errors.ts';
import { gelu, swiglu } from '../../kernels/activation.ts';
import * as reference from '../../kernels/reference/activation.ts';
import { expectClose, tolerance } from '../helpers/close.ts';
import { itOn, run, upload } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { host, random } from '../helpers/random.ts';

const sizes = [
  [1, 1],
  [2, 65],
  [17, 20],
  [257, 3],
] as const;

describe('gelu', () => {
  for (const form of ['erf', 'tanh', 'quick'] as const)
    for (const computeDtype of ['f32', 'f16'] as const) {
      for (const [rows, dim] of sizes)
        itOn([computeDtype], `matches the ${form} form for ${rows} rows of ${dim} in ${computeDtype}`, async () => {
          const x = random([rows, dim], { seed: 1, outliers: 3, scale: 3, dtype: computeDtype });
          const got = await run((rec) => gelu(rec, upload(rec, x), form));
          expectGelu(got, x.values, form, computeDtype);
        });

      itOn(
        [computeDtype],
        `keeps to the ${form} form from far below zero to far above in ${computeDtype}`,
        async () => {
          const values = Float32Array.from({ length: 1201 }, (_, i) => (i - 600) / 50);
          const x = host([1, 1207], [...values, 0, -0, 1e-7, 100, -100, 6e4], computeDtype);
          const got = await run((rec) => gelu(rec, upload(rec, x), form));
          expectGelu(got, x.values, form, computeDtype);
          expect(got.at(-1)).to.equal(x.values.at(-1));
          expect(Math.abs(got.at(-2) ?? 1)).to.equal(0);
        },
      );
    }

  /** Compares the factor of x / 2, in 0 .. 2: there the error of erf or tanh stands alone. */
  function expectGelu(
    got: ArrayLike<number>,
    x: ArrayLike<number>,
    form: 'erf' | 'tanh' | 'quick',
    computeDtype: 'f32' | 'f16',
  ): void {
    const factor = (y: ArrayLike<number>) =>
      Float64Array.from(y, (value, i) => value / Math.max(Math.abs(x[i]!) / 2, 1e-3));
    // The kernel's erf is good to 1.5e-7 (Abramowitz & Stegun 7.1.26), tanh to a few units in the last place of 1.
    // An f16 result below 2^-14 is only good to 2^-24, and is divided by as little as 1e-3.
    const atol = 5e-7 + (computeDtype === 'f16' ? 1e3 * 2 ** -24 : 0);
    expectClose(factor(got), factor(reference.gelu(x, form)), { atol, rtol: tolerance(computeDtype).rtol });
  }
});

describe('swiglu', () => {
  for (const [computeDtype, out] of [
    ['f32', 'f32'],
    ['f32', 'f16'],
    ['f16', 'f32'],
    ['f16', 'f16'],
  ] as const)
    for (const [rows, dim] of sizes)
      itOn(
        [computeDtype, out],
        `matches the float64 reference for ${rows} rows of ${dim}, ${computeDtype} into ${out}`,
        async () => {
          // Outliers only where their products fit the result.
          const x = random([rows, 2 * dim], {
            seed: 1,
            outliers: out === 'f32' ? 5 : 0,
            scale: 3,
            dtype: computeDtype,
          });
          const got = await run((rec) => swiglu(rec, upload(rec, x), out));
          expectClose(got, reference.swiglu(x.values, dim), tolerance(out, { exponent: 8 }));
        },
      );

  itOn(['f16'], 'holds products beyond f16 in its f32 result', async () => {
    const x = host([1, 4], [1000, 60000, 1000, 60000], 'f16');
    const got = await run((rec) => swiglu(rec, upload(rec, x)));
    expect([...got]).to.deep.equal([1e6, 3.6e9]);
  });

  it('is zero, not NaN, where the gate is far below zero', async () => {
    const got = await run((rec) => swiglu(rec, upload(rec, host([1, 4], [-1000, -6e4, 5, 7]))));
    for (const value of got) expect(Math.abs(value)).to.be.below(1e-3);
  });

  it('refuses an odd last axis', () =>
    expectRejection(
      run((rec) => swiglu(rec, upload(rec, random([2, 5], { seed: 1 }), 'gate and up'))),
      ShapeError,
      'swiglu: x must',
      "'gate and up' [2,5] f32",
    ));
});
