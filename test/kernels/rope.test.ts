import { expect } from 'chai';
import { ShapeError } from '../../engine/errors.ts';
import type { Heads } from '../../kernels/reference/attention.ts';
import * as reference from '../../kernels/reference/rope.ts';
import { type HeadOrder, rotaryTable, splitRope } from '../../kernels/rope.ts';
import { expectClose, largest, tolerance } from '../helpers/close.ts';
import { itOn, run, runAll, untouched, upload } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { host, random } from '../helpers/random.ts';

const THETA = 1e6;

async function check(
  rows: number,
  heads: Heads,
  computeDtype: 'f32' | 'f16',
  { far, offset, order = 'split', eps }: { far: number; offset: number; order?: HeadOrder; eps?: number },
): Promise<void> {
  const width = heads.kvHeads * heads.headDim;
  const qkv = random([rows, heads.heads * heads.headDim + 2 * width], { seed: 1, outliers: 3, dtype: computeDtype });
  // Out of order and far apart, as survivors of a reduction lie.
  const positions = Array.from({ length: rows }, (_, row) => (row * 7919 + far) % (far + 1));
  const table = rotaryTable(far + 1, heads.headDim, THETA);
  const gains = random([2 * heads.headDim], { seed: 2 });
  const capacity = offset + rows + 3;
  const got = await runAll((rec) => {
    const k = untouched(rec, [capacity, width], computeDtype);
    const v = untouched(rec, [capacity, width], computeDtype);
    const rotary = rec.upload('rotary', [far + 1, heads.headDim], 'f32', table);
    const position = upload(rec, host([rows], positions, 'u32'));
    const stored = upload(rec, order === 'grouped' ? reference.grouped(qkv, heads) : qkv);
    const norm = eps === undefined ? undefined : { weight: upload(rec, gains), eps };
    return { q: splitRope(rec, stored, heads, { position, rotary, cache: { k, v, offset }, order, norm }), k, v };
  });
  const normed = eps === undefined ? qkv : reference.headNorm(qkv, heads, gains.values, eps);
  const want = reference.splitRope(normed, positions, heads, THETA);
  const within = tolerance(computeDtype, { scale: Math.max(largest(qkv.values), largest(normed.values)) });
  expectClose(got.q, want.q, within, 'q');
  for (const side of ['k', 'v'] as const) {
    const cache = got[side];
    expectClose(cache.subarray(offset * width, (offset + rows) * width), want[side], within, side);
    // The sentinel is a NaN.
    const others = [...cache.subarray(0, offset * width), ...cache.subarray((offset + rows) * width)];
    expect(others.every(Number.isNaN), `${side}: rows outside were written`).to.equal(true);
  }
}

describe('splitRope', () => {
  for (const computeDtype of ['f32', 'f16'] as const)
    for (const [rows, heads, kvHeads, headDim] of [
      [1, 14, 2, 64],
      [5, 4, 4, 20],
      [33, 4, 1, 16],
      [257, 1, 1, 2],
    ] as const) {
      const heading = `${rows} rows of ${heads}/${kvHeads} heads of ${headDim} in ${computeDtype}`;
      itOn([computeDtype], `splits and rotates ${heading}`, () =>
        check(rows, { heads, kvHeads, headDim }, computeDtype, { far: 300, offset: 0 }),
      );
      itOn([computeDtype], `and the same where they are grouped by key head: ${heading}`, () =>
        check(rows, { heads, kvHeads, headDim }, computeDtype, { far: 300, offset: 0, order: 'grouped' }),
      );
      for (const order of ['split', 'grouped'] as const)
        itOn([computeDtype], `norms query and key heads before they rotate, and no value: ${heading}, ${order}`, () =>
          check(rows, { heads, kvHeads, headDim }, computeDtype, { far: 300, offset: 2, order, eps: 0.25 }),
        );
    }

  it('rotates by positions far out, to where the cache has room', () =>
    check(5, { heads: 4, kvHeads: 2, headDim: 16 }, 'f32', { far: 40_000, offset: 37 }));

  it('names what does not fit', async () => {
    const refuse = (
      part: string,
      { width = 64, position = 2, capacity = 4, gains = 32, dtype = 'u32' as 'u32' | 'f32' },
    ) =>
      expectRejection(
        run((rec) => {
          const make = (shape: readonly number[], label: string) => upload(rec, random(shape, { seed: 1 }), label);
          const at = upload(rec, host([position], new Array(position).fill(0), dtype), 'position');
          const cache = { k: make([capacity, 16], 'cache'), v: make([capacity, 16], 'cache'), offset: 3 };
          const sizes = { heads: 2, kvHeads: 1, headDim: 16 };
          const norm = { weight: make([gains], 'gains'), eps: 1e-6 };
          return splitRope(rec, make([2, width], 'qkv'), sizes, {
            position: at,
            rotary: make([9, 16], 'table'),
            cache,
            norm,
          });
        }),
        ShapeError,
        'splitRope: ',
        part,
      );
    await refuse("qkv must have 2 + 2 * 1 heads of 16, got 'qkv' [2,62]", { width: 62 });
    await refuse('position must be [2]', { position: 3 });
    await refuse('position must be u32', { dtype: 'f32' });
    await refuse('norm must be [32]', { gains: 16, capacity: 5 });
    await refuse("rows 3 + 2 do not fit 'cache'", {});
  });
});

describe('rotaryTable', () => {
  it('rounds each step to f32, as torch does', () => {
    const table = rotaryTable(20_001, 16, 10_000);
    for (const position of [0, 1, 17, 9999, 20_000])
      for (let i = 0; i < 8; i++) {
        const turn = reference.angle(position, i, 16, 10_000);
        const at = (position * 8 + i) * 2;
        expect([table[at], table[at + 1]]).to.deep.equal([Math.cos(turn), Math.sin(turn)].map(Math.fround));
      }
  });

  it('divides the frequencies where positions are scaled', () => {
    const table = rotaryTable(2001, 16, 10_000, 2.5);
    const turn = reference.angle(2000, 3, 16, 10_000, 2.5);
    const at = (2000 * 8 + 3) * 2;
    expect([table[at], table[at + 1]]).to.deep.equal([Math.cos(turn), Math.sin(turn)].map(Math.fround));
  });

  it('stays near the exact angles', () => {
    const table = rotaryTable(2001, 64, THETA);
    for (const position of [3, 500, 2000])
      for (let i = 0; i < 32; i++) {
        const exact = position * THETA ** ((-2 * i) / 64);
        // Three roundings of the angle.
        const near = exact * 2 ** -22 + 1e-7;
        expect(table[(position * 32 + i) * 2]).to.be.closeTo(Math.cos(exact), near);
        expect(table[(position * 32 + i) * 2 + 1]).to.be.closeTo(Math.sin(exact), near);
      }
  });
});
