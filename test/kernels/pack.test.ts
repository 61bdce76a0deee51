import { expect } from 'chai';
import { encodeFloats } from '../../engine/host-array.ts';
import type { Recorder } from '../../engine/recorder.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { embed } from '../../kernels/embed.ts';
import { type LinearPlan, linear } from '../../kernels/linear.ts';
import { pack } from '../../kernels/pack/pack.ts';
import * as reference from '../../kernels/reference/linear.ts';
import { stepOf, unpack } from '../../kernels/reference/weight.ts';
import { rowBytes, storedRow, type Weight, type WeightFormat } from '../../kernels/weight.ts';
import { expectClose, largest, tolerance } from '../helpers/close.ts';
import { itOn, run, runAll, upload } from '../helpers/device.ts';
import { type HostTensor, host, random } from '../helpers/random.ts';

/** A host matrix packed on the GPU, rows of garbage above and below it, and the count of what did not fit. */
function packed(rec: Recorder, source: HostTensor, format: WeightFormat): { weight: Weight; misfits: Tensor } {
  const [rows = 0, columns = 0] = source.shape;
  const { dtype, length } = storedRow(format, columns);
  const misfits = upload(rec, host([3], [7, 0, 7], 'u32'), 'misfits');
  const part = rec.empty('packed', [rows, length], dtype);
  // In two goes, as a loader does that reads piece by piece.
  const [upper, lower] = [Math.floor(rows / 2), Math.ceil(rows / 2)];
  const values = source.values as Float32Array;
  for (const [first, count] of [
    [0, upper],
    [upper, lower],
  ] as const) {
    const some = values.subarray(first * columns, (first + count) * columns);
    const piece = upload(rec, { shape: [count, columns], dtype: source.dtype, values: some }, 'source');
    pack(rec, piece, part, { format, first, misfits, slot: 1 });
  }
  return { weight: { format, rows, columns, parts: [part] }, misfits };
}

/** The words that packing makes, and the count. */
async function words(source: HostTensor, format: WeightFormat): Promise<{ bits: Uint32Array; misfits: number }> {
  const got = await runAll((rec) => {
    const { weight, misfits } = packed(rec, source, format);
    const [part] = weight.parts as [Tensor];
    const raw = rec.empty('raw', [part.byteLength / 4], 'u32');
    rec.copy(part, raw);
    return { bits: raw, misfits };
  });
  expect([got.misfits[0], got.misfits[2]]).to.deep.equal([7, 7]);
  return { bits: got.bits as Uint32Array, misfits: got.misfits[1]! };
}

const sources = ['f32', 'f16', 'bf16'] as const;
const shapes = [
  [1, 1],
  [3, 7],
  [5, 32],
  [2, 33],
  [9, 588],
] as const;

describe('packing weights', () => {
  for (const from of sources)
    for (const to of sources)
      it(`rounds ${from} to ${to} as the host does, and pads with zeros`, async () => {
        for (const [rows, columns] of shapes) {
          const source = random([rows, columns], { seed: columns, outliers: 2, dtype: from });
          const { bits, misfits } = await words(source, to);
          expect([...unpack(to, bits, rows, columns)]).to.deep.equal([
            ...host([rows, columns], source.values, to).values,
          ]);
          expect(bits.byteLength).to.equal(rows * rowBytes(to, columns));
          const { length } = storedRow(to, columns);
          const whole = unpack(to, bits, rows, length);
          for (let i = 0; i < whole.length; i++) if (i % length >= columns) expect(whole[i]).to.equal(0);
          expect(misfits).to.equal(0);
        }
      });

  it('rounds to f16 and bf16 at the edges as the host does', async () => {
    const edges = [0, -0, 1, 65504, 65519, -65519.9, 6.1e-5, 6.0e-5, 2 ** -24, 2 ** -25, 2 ** -25 * 1.01, -(2 ** -26)];
    const ties = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 2 ** -14 * (1 - 2 ** -11)];
    const source = host([1, edges.length + ties.length], [...edges, ...ties]);
    for (const to of ['f16', 'bf16'] as const) {
      const { bits } = await words(source, to);
      const want = new Uint32Array(bits.length);
      new Uint16Array(want.buffer).set(encodeFloats(to, source.values as Float32Array) as Uint16Array);
      expect([...bits], to).to.deep.equal([...want]);
    }
  });

  it('counts what a format cannot hold', async () => {
    const huge = [65520, -1e30, Number.POSITIVE_INFINITY, 65519, 3.4e38, 1];
    expect((await words(host([1, 6], huge), 'f16')).misfits).to.equal(4);
    expect((await words(host([1, 6], huge), 'bf16')).misfits).to.equal(2);
    for (const format of ['q8', 'q4'] as const) {
      const values = new Float32Array(80).fill(0.5);
      expect((await words(host([1, 80], values), format)).misfits, format).to.equal(0);
      values[3] = Number.NaN;
      values[40] = Number.NEGATIVE_INFINITY;
      values[41] = Number.POSITIVE_INFINITY;
      expect((await words(host([1, 80], values), format)).misfits, format).to.equal(3);
    }
  });

  for (const format of ['q8', 'q4'] as const)
    for (const from of sources)
      it(`packs ${from} to ${format} within a step`, async () => {
        for (const [rows, columns] of shapes) {
          const source = random([rows, columns], { seed: 9, outliers: 1, dtype: from });
          const { bits, misfits } = await words(source, format);
          expect(misfits).to.equal(0);
          const got = unpack(format, bits, rows, columns);
          const stride = bits.length / rows;
          for (let row = 0; row < rows; row++) {
            const mine = bits.subarray(row * stride, (row + 1) * stride);
            for (let i = 0; i < columns; i++) {
              const at = row * columns + i;
              // q4 may cut a sixth of a block's range off at either end, where that makes the others' errors smaller.
              const most = stepOf(format, mine, i) * (format === 'q8' ? 0.501 : 4);
              // And the least weight of a block is rounded to bf16.
              const want = source.values[at]!;
              expect(Math.abs(got[at]! - want), `[${at}]`).to.be.at.most(most + 2 ** -8 * Math.abs(want));
            }
          }
        }
      });

  it('keeps the errors of q4 below those of rounding over the whole range', async () => {
    const source = random([64, 128], { seed: 4 });
    const { bits } = await words(source, 'q4');
    const got = unpack('q4', bits, 64, 128);
    let [square, plain] = [0, 0];
    for (let block = 0; block < got.length; block += 32) {
      const some = source.values.subarray(block, block + 32);
      const [low, high] = [Math.min(...some), Math.max(...some)];
      const step = (high - low) / 15;
      for (let i = 0; i < 32; i++) {
        square += (got[block + i]! - some[i]!) ** 2;
        plain += (Math.round((some[i]! - low) / step) * step + low - some[i]!) ** 2;
      }
    }
    expect(square).to.be.below(plain);
  });

  it('keeps blocks of one value, of zeros and of tiny numbers', async () => {
    const rows = [0, 0.75, -3, 2 ** -100, 1e-41].map((value) => new Array<number>(40).fill(value));
    const source = host([rows.length, 40], rows.flat());
    for (const format of ['q8', 'q4'] as const) {
      const got = unpack(format, (await words(source, format)).bits, rows.length, 40);
      for (const [i, value] of got.entries()) {
        const want = source.values[i]!;
        expect(Math.abs(value - want), `${format} [${i}]`).to.be.at.most(Math.abs(want) * 2 ** -8 + 1e-37);
      }
    }
  });
});

for (const format of ['q8', 'q4'] as const)
  describe(`weights in ${format}`, () => {
    const sizes = [
      [1, 1, 1],
      [4, 33, 70],
      [9, 66, 35],
      [33, 160, 130],
    ] as const;

    for (const plan of ['checked', 'few', 'subgroup', 'row'] as const satisfies readonly LinearPlan[])
      itOn(
        plan === 'subgroup' ? ['subgroups'] : [],
        `are multiplied as what they stand for, plan ${plan}`,
        async () => {
          for (const [rows, columns, n] of sizes) {
            const k = plan === 'few' ? 8 * Math.ceil(columns / 8) : columns;
            const weight = random([n, k], { seed: 2, scale: 1 / Math.sqrt(k) });
            const { bits } = await words(weight, format);
            const stands = host([n, k], Float32Array.from(unpack(format, bits, n, k)));
            const x = random([rows, k], { seed: 1, outliers: 2 });
            const bias = random([n], { seed: 3 });
            const got = await run((rec) =>
              linear(
                rec,
                upload(rec, x),
                { weight: packed(rec, weight, format).weight, bias: upload(rec, bias) },
                { plan },
              ),
            );
            const want = reference.linear(x, stands, { bias });
            expectClose(got, want, tolerance('f32', { sumOf: k, scale: largest(want) }), `${rows} x ${k} x ${n}`);
          }
        },
      );

    it('are looked up as what they stand for', async () => {
      for (const dim of [1, 7, 64, 130]) {
        const table = random([37, dim], { seed: 5, outliers: 2 });
        const { bits } = await words(table, format);
        const ids = [0, 36, 3, 3];
        const got = await run((rec) =>
          embed(rec, upload(rec, host([4], ids, 'u32')), packed(rec, table, format).weight),
        );
        const stands = host([37, dim], Float32Array.from(unpack(format, bits, 37, dim)));
        expectClose(got, reference.embed(ids, stands), { atol: 1e-30, rtol: 2 ** -20 });
      }
    });
  });
