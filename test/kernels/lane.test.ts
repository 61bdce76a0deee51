/** Kernels that are bound by memory, with eight numbers a lane, as a GPU runs them. The other tests have one number a lane. */
import { expect } from 'chai';
import { gelu, swiglu } from '../../kernels/activation.ts';
import { add } from '../../kernels/add.ts';
import { interpolate } from '../../kernels/interpolate.ts';
import { laneOf } from '../../kernels/lane/lane.ts';
import { linear } from '../../kernels/linear.ts';
import { meanFrames } from '../../kernels/mean-frames.ts';
import { mergePatches } from '../../kernels/merge-patches.ts';
import { layerNorm, rmsNorm } from '../../kernels/norm.ts';
import { patchify } from '../../kernels/patchify.ts';
import { pool } from '../../kernels/pool.ts';
import {
  assignRuns,
  compactRows,
  fromOrderKey,
  lastRowAttention,
  receivedAttention,
  similarity,
  survivorsOf,
} from '../../kernels/reduce/index.ts';
import * as activation from '../../kernels/reference/activation.ts';
import * as addition from '../../kernels/reference/add.ts';
import * as attention from '../../kernels/reference/attention.ts';
import * as interpolation from '../../kernels/reference/interpolate.ts';
import * as multiplication from '../../kernels/reference/linear.ts';
import * as merging from '../../kernels/reference/merge-patches.ts';
import * as norm from '../../kernels/reference/norm.ts';
import * as patches from '../../kernels/reference/patchify.ts';
import * as pooling from '../../kernels/reference/pool.ts';
import * as reduction from '../../kernels/reference/reduce.ts';
import * as rope from '../../kernels/reference/rope.ts';
import { rotaryTable, splitRope } from '../../kernels/rope.ts';
import { videoLayout } from '../../models/reduction.ts';
import { runtimeAsGpu } from '../helpers/as-gpu.ts';
import { expectClose, largest, tolerance } from '../helpers/close.ts';
import { itOn, run, runAll, untouched, upload, uploadWeight } from '../helpers/device.ts';
import { host, random } from '../helpers/random.ts';

type Float = 'f32' | 'f16';

/** Rows with outliers, as Qwen2 has them. */
const rowsOf = (shape: readonly number[], dtype: Float = 'f32', seed = 1) =>
  random(shape, { seed, outliers: 3, dtype });

describe('a lane of a GPU', () => {
  it('takes eight numbers where sizes are multiples of eight, and one where they are not or the adapter is software', () => {
    expect(laneOf({ adapterKind: 'gpu' }, 'f16', 896, 64).width).to.equal(8);
    expect(laneOf({ adapterKind: 'gpu' }, 'f16', 896, 36).width).to.equal(1);
    expect(laneOf({ adapterKind: 'software' }, 'f16', 896, 64).width).to.equal(1);
  });

  for (const [computeDtype, out] of [
    ['f32', 'f32'],
    ['f32', 'f16'],
    ['f16', 'f16'],
  ] as const)
    itOn([computeDtype, out], `norms rows, ${computeDtype} into ${out}`, async () => {
      const on = await runtimeAsGpu();
      for (const [rows, dim] of [
        [1, 8],
        [3, 520],
        [2, 1032],
      ] as const) {
        const x = rowsOf([rows, dim], computeDtype);
        const [weight, bias] = [random([dim], { seed: 2 }), random([dim], { seed: 3 })];
        const got = await runAll((rec) => {
          const weights = { weight: upload(rec, weight), bias: upload(rec, bias) };
          const of = upload(rec, x);
          return {
            rms: rmsNorm(rec, of, weights.weight, { eps: 1e-6, out }),
            layer: layerNorm(rec, of, weights, { eps: 1e-6, out }),
          };
        }, on);
        const rms = norm.rmsNorm(x, weight, 1e-6);
        expectClose(got.rms, rms, tolerance(out, { sumOf: dim, scale: largest(rms) }), 'rms');
        const layer = norm.layerNorm(x, { weight, bias }, 1e-6);
        expectClose(got.layer, layer, tolerance(out, { sumOf: dim, scale: largest(layer) }), 'layer');
      }
    });

  for (const computeDtype of ['f32', 'f16'] as const) {
    itOn([computeDtype], `activates ${computeDtype}`, async () => {
      const on = await runtimeAsGpu();
      const x = random([3, 1040], { seed: 1, outliers: computeDtype === 'f32' ? 3 : 0, scale: 3, dtype: computeDtype });
      for (const form of ['erf', 'tanh', 'quick'] as const) {
        const got = await run((rec) => gelu(rec, upload(rec, x), form), on);
        // The kernel's erf is good to 1.5e-7 of its argument.
        expectClose(
          got,
          activation.gelu(x.values, form),
          { atol: 2e-6, rtol: tolerance(computeDtype).rtol + 5e-7 },
          form,
        );
      }
      const got = await run((rec) => swiglu(rec, upload(rec, x)), on);
      expectClose(got, activation.swiglu(x.values, 520), tolerance('f32', { exponent: 8 }));
    });

    for (const [heads, kvHeads, headDim, eps] of [
      [14, 2, 128, undefined],
      [3, 1, 80, 0.25],
      [2, 2, 16, 0.25],
    ] as const)
      itOn(
        [computeDtype],
        `rotates heads of ${headDim} in ${computeDtype}${eps ? ', normed' : ''}, in either order`,
        async () => {
          const on = await runtimeAsGpu();
          const layout = { heads, kvHeads, headDim };
          const [rows, offset, width] = [5, 2, kvHeads * headDim];
          const qkv = rowsOf([rows, (heads + 2 * kvHeads) * headDim], computeDtype);
          const positions = Array.from({ length: rows }, (_, row) => (row * 7919) % 301);
          const gains = random([2 * headDim], { seed: 2 });
          const normed = eps === undefined ? qkv : rope.headNorm(qkv, layout, gains.values, eps);
          const want = rope.splitRope(normed, positions, layout, 1e6);
          for (const order of ['split', 'grouped'] as const) {
            const got = await runAll((rec) => {
              const [k, v] = [
                untouched(rec, [offset + rows + 1, width], computeDtype),
                untouched(rec, [offset + rows, width], computeDtype),
              ];
              const rotary = rec.upload('rotary', [301, headDim], 'f32', rotaryTable(301, headDim, 1e6));
              const options = { order, norm: eps === undefined ? undefined : { weight: upload(rec, gains), eps } };
              const of = upload(rec, order === 'grouped' ? rope.grouped(qkv, layout) : qkv);
              const at = upload(rec, host([rows], positions, 'u32'));
              return {
                q: splitRope(rec, of, layout, { position: at, rotary, cache: { k, v, offset }, ...options }),
                k,
                v,
              };
            }, on);
            const within = tolerance(computeDtype, { scale: Math.max(largest(qkv.values), largest(normed.values)) });
            expectClose(got.q, want.q, within, 'q');
            expectClose(got.k.subarray(offset * width, (offset + rows) * width), want.k, within, 'k');
            expectClose(got.v.subarray(offset * width), want.v, within, 'v');
            expect([...got.k.subarray(0, offset * width)].every(Number.isNaN)).to.equal(true);
            expect([...got.k.subarray((offset + rows) * width)].every(Number.isNaN)).to.equal(true);
          }
        },
      );

    itOn([computeDtype], `compares, merges and drops rows of ${computeDtype}`, async () => {
      const on = await runtimeAsGpu();
      const dim = 1032;
      const patch = [-1, 0, 1, 2, 0, 1, 2, 0, 1, 2, -1];
      const hidden = rowsOf([patch.length, dim], computeDtype);
      const planes = host([3, patch.length], videoLayout(Int32Array.from(patch), 0, 0).planes, 'u32');
      const { key } = await runAll(
        (rec) => similarity(rec, upload(rec, hidden), upload(rec, planes), { tokens: 9, bound: 0.5 }),
        on,
      );
      expectClose(Array.from(key, fromOrderKey), reduction.similarity(hidden, patch), { atol: 2e-6, rtol: 0 });
      const merged = [1, 2, 4];
      const want = reduction.merge(hidden, patch, merged);
      const flags = host(
        [9],
        Uint32Array.from({ length: 9 }, (_, rank) => Number(merged.includes(rank))),
        'u32',
      );
      const got = await runAll((rec) => {
        const layout = upload(rec, planes);
        const into = assignRuns(rec, layout, upload(rec, flags));
        const survivors = survivorsOf(rec, layout, into, { tokens: 9, kept: want.keep.length, merge: true });
        const x = upload(rec, hidden);
        return { merged: compactRows(rec, x, survivors), kept: compactRows(rec, x, survivors, { merge: false }) };
      }, on);
      expectClose(got.merged, want.hidden, tolerance(computeDtype, { sumOf: 3, scale: largest(hidden.values) }));
      const kept = want.keep.flatMap((row) => [...hidden.values.subarray(row * dim, (row + 1) * dim)]);
      expect([...got.kept]).to.deep.equal(kept);
    });

    itOn([computeDtype], `scores keys of ${computeDtype} by the last rows and by all`, async () => {
      const on = await runtimeAsGpu();
      const heads = { heads: 4, kvHeads: 2, headDim: 72, causal: true };
      const q = random([5, 4 * 72], { seed: 1, dtype: computeDtype });
      const k = random([131, 2 * 72], { seed: 2, dtype: computeDtype });
      const got = await run((rec) => lastRowAttention(rec, upload(rec, q), upload(rec, k), { ...heads, last: 2 }), on);
      const { weights, exponent } = attention.lastRowAttention(q, k, heads, 2);
      expectClose(got, weights, tolerance('f32', { sumOf: 131, exponent }));
      const fused = random([2 * 9, 2 * 4 * 24], { seed: 3, dtype: computeDtype });
      const received = await run((rec) => {
        const of = upload(rec, fused);
        return receivedAttention(rec, { of, column: 0 }, { of, column: 96 }, { heads: 4, headDim: 24, segments: 2 });
      }, on);
      for (const first of [0, 9]) {
        const part = Array.from(received.subarray(first, first + 9));
        expect(part.reduce((sum, value) => sum + value, 0)).to.be.closeTo(1, 1e-5);
      }
      const alone = await run((rec) => {
        const of = upload(rec, fused);
        return receivedAttention(rec, { of, column: 0 }, { of, column: 96 }, { heads: 4, headDim: 24, segments: 2 });
      });
      // With one number a lane, which reduce.test.ts holds to the reference.
      expectClose(received, alone, { atol: 1e-6, rtol: 1e-5 });
    });

    itOn([computeDtype], `cuts pictures and pools features into or out of ${computeDtype}`, async () => {
      const on = await runtimeAsGpu();
      const pixels = rowsOf([4, 3, 19, 40]);
      const cut = await run((rec) => patchify(rec, upload(rec, pixels), 8, { out: computeDtype, depth: 2 }), on);
      expectClose(cut, patches.patchify(pixels, 8, 2), tolerance(computeDtype));
      const x = rowsOf([2 * 25, 72], computeDtype);
      const newline = random([72], { seed: 2 });
      for (const mode of ['bilinear', 'average', 'max'] as const) {
        const options = { grid: 5, mode, newlines: 'row' } as const;
        const got = await run((rec) => pool(rec, upload(rec, x), { ...options, newline: upload(rec, newline) }), on);
        const want = pooling.pool(x, options, newline.values);
        expectClose(got, want, tolerance('f32', { sumOf: 25, scale: largest(want) }), mode);
      }
    });
  }

  itOn(['f16'], 'multiplies f32 far beyond f16 as halves, which it makes once for all parts of a weight', async () => {
    const on = await runtimeAsGpu();
    const [rows, k, n] = [9, 1048, 70];
    const x = random([rows, k], { seed: 1, outliers: 9 });
    // From what f16 has no bits for to far beyond its end; one row is zero.
    const values = x.values.map((value, i) => value * [1e-9, 1, 1e6, 0][Math.floor(i / k) % 4]!);
    const wide = { ...x, values };
    const weight = random([n, k], { seed: 2, dtype: 'bf16', scale: 1 / Math.sqrt(k) });
    const residual = random([rows, n], { seed: 3, scale: 1e-6 });
    let dispatches = 0;
    const got = await run((rec) => {
      const options = { halves: true, residual: upload(rec, residual), plan: 'tile' as const };
      const y = linear(rec, upload(rec, wide), { weight: uploadWeight(rec, weight, 40 * 2 * k) }, options);
      dispatches = rec.dispatches;
      return y;
    }, on);
    expect(dispatches).to.equal(1 + 2);
    const want = multiplication.linear(wide, weight, { residual });
    for (let row = 0; row < rows; row++) {
      const part = [got.subarray(row * n, (row + 1) * n), want.slice(row * n, (row + 1) * n)] as const;
      const scale = Math.max(largest(wide.values.subarray(row * k, (row + 1) * k)), 1e-6);
      expectClose(...part, { atol: 2 ** -9 * scale, rtol: 2 ** -9 }, `row ${row}`);
    }
  });

  it('adds, resamples, joins and averages rows', async () => {
    const on = await runtimeAsGpu();
    const [residual, x, scale] = [rowsOf([3, 520]), rowsOf([9, 520], 'f32', 2), random([520], { seed: 3 })];
    for (const scaled of [false, true]) {
      const got = await run(
        (rec) => add(rec, upload(rec, residual), upload(rec, x), scaled ? upload(rec, scale) : undefined),
        on,
      );
      expectClose(got, addition.add(residual, x, scaled ? scale : undefined), tolerance('f32'));
    }
    const table = rowsOf([36, 520]);
    const between = await run((rec) => interpolate(rec, upload(rec, table), { rows: 4, columns: 7 }), on);
    const want = interpolation.interpolate(table, 4, 7);
    expectClose(between, want, tolerance('f32', { sumOf: 36, scale: largest(want) }));
    const grid = { rows: 3, columns: 5 };
    const features = rowsOf([30, 72]);
    const joined = await run((rec) => mergePatches(rec, upload(rec, features), grid, 2), on);
    expect([...joined]).to.deep.equal(merging.mergePatches(features, grid, 2));
    const averaged = await run((rec) => meanFrames(rec, upload(rec, features), { frames: 5, each: 3 }), on);
    const means = merging.meanFrames(features, 5, 3);
    expectClose(averaged, means, tolerance('f32', { sumOf: 5, scale: largest(features.values) }));
  });
});
