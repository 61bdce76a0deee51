import { expect } from 'chai';
import { ShapeError } from '../../engine/errors.ts';
import * as reference from '../../kernels/reference/sampling.ts';
import { argmax, penalise, type SampleOptions, sample } from '../../kernels/sampling.ts';
import { itOn, run, upload } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { type HostTensor, host, random } from '../helpers/random.ts';

const sizes = [1, 2, 255, 257, 5000];
const BELOW_ONE = 1 - 2 ** -24;

async function chosen(x: HostTensor): Promise<number> {
  return (await run((rec) => argmax(rec, upload(rec, x))))[0]!;
}

/** What each of many draws from the same scores gives. */
async function draws(x: HostTensor, options: readonly SampleOptions[]): Promise<number[]> {
  const got = await run((rec) => {
    const scores = upload(rec, x);
    const all = rec.empty('draws', [options.length], 'u32');
    for (const [i, option] of options.entries()) rec.copy(sample(rec, scores, option), all.rows(i, 1));
    return all;
  });
  return [...got];
}

describe('argmax', () => {
  for (const n of sizes)
    it(`finds the largest of ${n}`, async () => {
      for (const seed of [1, 2, 3]) {
        const x = random([1, n], { seed, outliers: 1 });
        expect(await chosen(x)).to.equal(reference.argmax(x.values));
      }
    });

  it('takes the lowest index among equals, wherever they lie', async () => {
    for (const [n, at] of [
      [257, [256, 3, 130]],
      [5000, [4999, 300, 301]],
      [600, [512, 256]],
      [9, [0, 1, 2, 3, 4, 5, 6, 7, 8]],
    ] as const) {
      const values = new Float32Array(n).fill(-5);
      for (const i of at) values[i] = -1;
      expect(await chosen(host([n], values))).to.equal(Math.min(...at));
    }
  });

  it('finds the largest where all are far below zero or infinite', async () => {
    expect(await chosen(host([3], [-3e38, -2e38, -Infinity]))).to.equal(1);
    expect(await chosen(host([300], [...new Array(299).fill(1), Infinity]))).to.equal(299);
  });

  itOn(['f16'], 'refuses scores that are no f32', () =>
    expectRejection(chosen(random([4], { seed: 1, dtype: 'f16' })), ShapeError, 'argmax: x must be f32'),
  );
});

describe('penalise', () => {
  for (const n of sizes)
    it(`makes what has come less probable, of ${n}, and remembers what comes`, async () => {
      const x = random([1, n], { seed: 7 });
      const before = new Set(Array.from({ length: n }, (_, i) => i).filter((i) => i % 3 === 0));
      const token = n - 1;
      const got = await run((rec) => {
        const scores = upload(rec, x);
        const seen = rec.upload(
          'seen',
          [n],
          'u32',
          Uint32Array.from({ length: n }, (_, i) => Number(before.has(i))),
        );
        const all = rec.empty('both', [2, n], 'f32');
        for (const [row, last] of [n, token].entries()) {
          const id = rec.upload('token', [1], 'u32', Uint32Array.of(last));
          rec.copy(penalise(rec, scores, { penalty: 1.3, token: id, seen }), all.rows(row, 1));
        }
        return all;
      });
      const want = [before, new Set([...before, token])].flatMap((seen) => reference.penalised(x.values, seen, 1.3));
      expect([...got].every((value, i) => Math.abs(value - want[i]!) <= 1e-6 * Math.abs(want[i]!))).to.equal(true);
    });

  it('leaves a score of zero, and changes a best choice', async () => {
    const x = host([4], [0, 2, 1.9, -1]);
    const got = await run((rec) => {
      const seen = rec.upload('seen', [4], 'u32', Uint32Array.of(1, 1, 0, 1));
      const token = rec.upload('token', [1], 'u32', Uint32Array.of(4));
      return penalise(rec, upload(rec, x), { penalty: 2, token, seen });
    });
    expect([...got].map((value) => Math.fround(value))).to.deep.equal([0, 1, Math.fround(1.9), -2]);
  });
});

describe('sample', () => {
  for (const n of sizes)
    it(`is the largest of ${n} at a tiny temperature, whatever the random number`, async () => {
      const x = random([n], { seed: 4 });
      const randoms = [0, 0.3, 0.99, BELOW_ONE];
      const got = await draws(
        x,
        randoms.map((value) => ({ temperature: 1e-4, topP: 1, random: value })),
      );
      expect(got).to.deep.equal(randoms.map(() => reference.argmax(x.values)));
    });

  for (const [n, temperature, topP, cut] of [
    [2, 1, 1, {}],
    [257, 1, 1, {}],
    [257, 0.7, 0.9, {}],
    [257, 2.5, 0.5, {}],
    [257, 1, 0.02, {}],
    [5000, 1.3, 0.95, {}],
    [257, 1, 1, { topK: 1 }],
    [257, 2, 1, { topK: 20 }],
    [257, 2, 0.8, { topK: 20 }],
    [257, 1, 1, { topK: 1000 }],
    [5000, 1, 1, { minP: 0.05 }],
    [5000, 1.5, 0.9, { topK: 100, minP: 0.2 }],
    [5000, 1, 1, { minP: 1 }],
  ] as const)
    it(`draws from the nucleus ${topP} of ${n} at temperature ${temperature} and ${JSON.stringify(cut)} by the inverse of its distribution`, async () => {
      const x = random([n], { seed: n, scale: 2 });
      const law = reference.drawn(x.values, { temperature, topP, ...cut });
      const randoms = [0, BELOW_ONE, ...Array.from({ length: 60 }, (_, i) => (i + 0.5) / 60)];
      const got = await draws(
        x,
        randoms.map((value) => ({ temperature, topP, ...cut, random: value })),
      );
      let sum = 0;
      const upTo = law.map((probability) => {
        sum += probability;
        return sum;
      });
      for (const [i, token] of got.entries()) {
        expect(law[token], `random ${randoms[i]}: ${token} lies outside the nucleus`).to.be.above(0);
        // f32 sums of n weights; a draw this close to a boundary may fall on either side.
        const slack = 2e-6;
        expect(upTo[token]! + slack).to.be.above(randoms[i]!);
        expect(upTo[token]! - law[token]! - slack).to.be.at.most(randoms[i]!);
      }
    });

  it('gives the first of the nucleus for 0 and the last for just below 1', async () => {
    const x = host([6], [-9, 2, 1, 2, 1.5, -9]);
    const option = { temperature: 1, topP: 0.9 };
    const got = await draws(x, [
      { ...option, random: 0 },
      { ...option, random: BELOW_ONE },
    ]);
    expect(got).to.deep.equal([1, 4]);
  });

  it('keeps all equals of the least probable of the nucleus', async () => {
    const x = host([8], [1, 1, 1, 1, 1, 1, 1, 1]);
    const randoms = Array.from({ length: 8 }, (_, i) => (i + 0.5) / 8);
    const got = await draws(
      x,
      randoms.map((value) => ({ temperature: 1, topP: 0.3, random: value })),
    );
    expect(got).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('gives the same for the same random number', async () => {
    const x = random([5000], { seed: 6 });
    const option = { temperature: 1, topP: 0.95, random: 0.618 };
    expect(new Set(await draws(x, new Array(5).fill(option))).size).to.equal(1);
  });

  it('draws about as often as the probabilities say', async () => {
    const x = host([3], [Math.log(0.5), Math.log(0.3), Math.log(0.2)]);
    const option = { temperature: 1, topP: 1 };
    const got = await draws(
      x,
      Array.from({ length: 100 }, (_, i) => ({ ...option, random: (i + 0.5) / 100 })),
    );
    expect([0, 1, 2].map((token) => got.filter((drawn) => drawn === token).length)).to.deep.equal([50, 30, 20]);
  });
});
