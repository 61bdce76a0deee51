import { expect } from 'chai';
import { ShapeError } from '../../engine/errors.ts';
import {
  assignChosen,
  assignRuns,
  combineRows,
  compactLayout,
  compactRows,
  fromOrderKey,
  GONE,
  importance,
  lastRowAttention,
  NAN_KEY,
  orderKey,
  receivedAttention,
  similarity,
  survivorsOf,
  threshold,
  topK,
} from '../../kernels/reduce/index.ts';
import * as attention from '../../kernels/reference/attention.ts';
import * as reference from '../../kernels/reference/reduce.ts';
import { NOT_VIDEO, videoLayout } from '../../models/reduction.ts';
import { pick, randomStream, uniform } from '../../tools/random.ts';
import { expectClose, largest, tolerance } from '../helpers/close.ts';
import { itOn, run, runAll, upload } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { type HostTensor, host, random } from '../helpers/random.ts';

/** Text, `frames` x `patches` video tokens, text. */
function framesOf(before: number, frames: number, patches: number, after: number): number[] {
  const video = Array.from({ length: frames * patches }, (_, i) => i % patches);
  return [...new Array<number>(before).fill(-1), ...video, ...new Array<number>(after).fill(-1)];
}

/** Text and video tokens of a few patches in no order, as a sequence might be after many reductions. */
function scattered(rows: number, patches: number, seed: number): number[] {
  const stream = randomStream(seed, 'scattered');
  return Array.from({ length: rows }, () => (stream() % 3 === 0 ? -1 : stream() % patches));
}

function planesOf(patch: readonly number[]): HostTensor {
  const { planes } = videoLayout(Int32Array.from(patch), 0, 0);
  return host([3, patch.length], planes, 'u32');
}

/** Hidden states in which the tokens of a patch follow one another more or less closely. */
function chains(patch: readonly number[], dim: number, computeDtype: 'f32' | 'f16', seed = 1): HostTensor {
  const noise = random([patch.length, dim], { seed });
  const base = random([patch.length, dim], { seed: seed + 1, outliers: 4 });
  const stream = randomStream(seed, 'closeness');
  const values = Float32Array.from(noise.values, (_, i) => {
    const place = patch[Math.floor(i / dim)]!;
    return base.values[Math.max(place, 0) * dim + (i % dim)]!;
  });
  for (let row = 0; row < patch.length; row++) {
    const far = pick(stream, [0, 0.1, 0.5, 3]);
    for (let c = 0; c < dim; c++) values[row * dim + c]! += far * noise.values[row * dim + c]!;
  }
  return host([patch.length, dim], values, computeDtype);
}

const layouts: readonly (readonly [name: string, patch: readonly number[]])[] = [
  ['one token', [0]],
  ['one frame', framesOf(2, 1, 5, 1)],
  ['five frames between text', framesOf(3, 5, 4, 6)],
  ['one patch in 33 frames', framesOf(0, 33, 1, 0)],
  ['257 rows in no order', scattered(257, 7, 1)],
  ['400 frames of 2 patches', framesOf(5, 400, 2, 9)],
];

describe('orderKey', () => {
  it('orders as the floats do, with NaN above all and one zero', () => {
    const values = [-Infinity, -3e38, -2, -1.5, -1e-45, 0, 1e-45, 0.6, 1, 1.0000002, 3e38, Infinity];
    const keys = values.map((value) => orderKey(Math.fround(value)));
    expect(keys).to.deep.equal(keys.toSorted((a, b) => a - b));
    expect(new Set(keys).size).to.equal(keys.length);
    expect(orderKey(-0)).to.equal(orderKey(0));
    expect(orderKey(Number.NaN)).to.equal(NAN_KEY).and.above(keys.at(-1)!);
    for (const value of values) expect(fromOrderKey(orderKey(value))).to.equal(Math.fround(value));
    expect(fromOrderKey(NAN_KEY)).to.be.NaN;
  });
});

describe('similarity', () => {
  for (const computeDtype of ['f32', 'f16'] as const)
    for (const [name, patch] of layouts)
      itOn([computeDtype], `matches the float64 reference for ${name} in ${computeDtype}`, async () => {
        for (const dim of [1, 33, 100]) {
          const hidden = chains(patch, dim, computeDtype);
          const want = reference.similarity(hidden, patch);
          const { key, count } = await runAll((rec) =>
            similarity(rec, upload(rec, hidden), upload(rec, planesOf(patch)), { tokens: want.length, bound: 0.6 }),
          );
          const got = Array.from(key, fromOrderKey);
          // Rounding a cosine is a share of 1, whatever the vectors: 2e-6 as for the golden data.
          expectClose(got, want, { atol: 2e-6, rtol: 0 });
          expect(count[0]).to.equal(got.filter((value) => value >= Math.fround(0.6)).length);
        }
      });

  it('is the key of NaN where a vector is zero, which no bound reaches', async () => {
    const patch = [0, 0, 0, 0, 1, 1];
    const values = Float32Array.from([0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 3, 4]);
    const { key, count } = await runAll((rec) =>
      similarity(rec, upload(rec, host([6, 2], values)), upload(rec, planesOf(patch)), { tokens: 6, bound: -1.9 }),
    );
    expect(Array.from(key)).to.deep.equal([orderKey(-2), NAN_KEY, NAN_KEY, NAN_KEY, orderKey(-2), NAN_KEY]);
    expect(count[0]).to.equal(0);
  });

  it('is 1 to the last places for equal and -1 for opposite vectors, however large', async () => {
    const x = random([1, 70], { seed: 3, outliers: 2 }).values;
    const values = [...x, ...x, ...x.map((value) => -value), ...x.map((value) => value * 1e12)];
    const { key } = await runAll((rec) =>
      similarity(rec, upload(rec, host([4, 70], values)), upload(rec, planesOf([0, 0, 0, 0])), { tokens: 4, bound: 0 }),
    );
    expectClose(Array.from(key, fromOrderKey), [-2, 1, -1, -1], { atol: 5e-7, rtol: 0 });
  });

  it('is counted where it just reaches the bound', async () => {
    const values = [1, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0];
    for (const [bound, want] of [
      [0.5, 3],
      [0.500001, 1],
      [1, 1],
    ] as const) {
      const { count } = await runAll((rec) =>
        similarity(rec, upload(rec, host([4, 4], values)), upload(rec, planesOf([0, 0, 0, 0])), { tokens: 4, bound }),
      );
      expect(count[0], `bound ${bound}`).to.equal(want);
    }
  });

  it('keeps NaN and infinity to themselves', async () => {
    const values = [1, 2, Number.NaN, 2, 1, 2, 1, 2, Infinity, 2];
    const { key, count } = await runAll((rec) =>
      similarity(rec, upload(rec, host([5, 2], values)), upload(rec, planesOf([0, 0, 0, 0, 0])), {
        tokens: 5,
        bound: 0.5,
      }),
    );
    const got = Array.from(key, fromOrderKey);
    expect(got[1]).to.be.NaN;
    expect(got[2]).to.be.NaN;
    expect(got[3]).to.be.closeTo(1, 1e-6);
    expect(got[4]).to.be.NaN;
    expect(count[0]).to.equal(1);
  });

  it('refuses a layout of other rows', () =>
    expectRejection(
      runAll((rec) =>
        similarity(rec, upload(rec, random([4, 2], { seed: 1 })), upload(rec, planesOf([0, 0])), {
          tokens: 2,
          bound: 0,
        }),
      ),
      ShapeError,
      'similarity: layout must be [3,4]',
    ));
});

describe('threshold', () => {
  it('chooses what reaches the bound as an f32, and never NaN', async () => {
    const bound = 0.6;
    const below = Math.fround(0.6) - 2 ** -24;
    const values = [0.6, below, 1, -2, Number.NaN, -0.6, 0.60001, Infinity, 0];
    const keys = Uint32Array.from(values, orderKey);
    const got = await run((rec) => threshold(rec, upload(rec, host([9], keys, 'u32')), bound));
    expect([...got]).to.deep.equal([1, 0, 1, 0, 0, 0, 1, 1, 0]);
    const all = await run((rec) => threshold(rec, upload(rec, host([9], keys, 'u32')), -1));
    expect([...all]).to.deep.equal([1, 1, 1, 0, 0, 1, 1, 1, 1]);
  });

  for (const n of [1, 64, 65, 257])
    it(`marks every one of ${n} keys or none`, async () => {
      const keys = host(
        [n],
        Uint32Array.from({ length: n }, (_, i) => orderKey(Math.sin(i))),
        'u32',
      );
      const want = Array.from({ length: n }, (_, i) => Number(Math.fround(Math.sin(i)) >= 0));
      expect([...(await run((rec) => threshold(rec, upload(rec, keys), 0)))]).to.deep.equal(want);
    });
});

describe('topK', () => {
  async function expectChosen(values: readonly number[], k: number): Promise<void> {
    const keys = host([values.length], Uint32Array.from(values, orderKey), 'u32');
    const got = await run((rec) => topK(rec, upload(rec, keys), k));
    const chosen = Array.from(got.keys()).filter((i) => got[i] === 1);
    expect(got.every((flag) => flag === 0 || flag === 1)).to.equal(true);
    expect(chosen, `k = ${k}`).to.deep.equal(reference.largestK(values.map(Math.fround), k));
  }

  it('takes none, one or all', async () => {
    await expectChosen([3], 0);
    await expectChosen([3], 1);
    await expectChosen([1, 3, 2], 0);
    await expectChosen([1, 3, 2], 1);
    await expectChosen([1, 3, 2], 3);
  });

  it('takes the lowest indices among equals', async () => {
    for (const k of [1, 4, 5, 6]) await expectChosen([1, 0.5, 1, 0.5, 1, 0.5, 1, 2], k);
    const equal = new Array<number>(600).fill(0.25);
    for (const k of [1, 3, 299, 599, 600]) await expectChosen(equal, k);
  });

  it('takes NaN first, before infinity', async () => {
    const values = [1, Number.NaN, Infinity, -Infinity, Number.NaN, 5, -0, 0];
    for (let k = 0; k <= values.length; k++) await expectChosen(values, k);
  });

  it('tells keys apart that differ in their last bits only', async () => {
    const values = Array.from({ length: 300 }, (_, i) => Math.fround(1 + ((i * 7) % 300) * 2 ** -23));
    for (const k of [1, 150, 299]) await expectChosen(values, k);
  });

  it('agrees with sorting 70,001 values, many of them equal', async () => {
    const stream = randomStream(9, 'top-k');
    const values = Array.from({ length: 70_001 }, () => Math.round(1000 * uniform(stream, -1, 1)) / 1000);
    for (const k of [1, 257, 35_000, 70_000]) await expectChosen(values, k);
  });
});

describe('a merge', () => {
  for (const computeDtype of ['f32', 'f16'] as const)
    for (const [name, patch] of layouts)
      for (const share of [0.3, 0.97])
        itOn(
          [computeDtype],
          `of ${share} of ${name} in ${computeDtype} leaves the plain mean of each run in its first token`,
          () => checkMerge(patch, share, computeDtype, 21),
        );

  it('of nothing leaves everything', () => checkMerge(framesOf(2, 5, 3, 2), 0, 'f32', 65));

  it('averages runs of hundreds without loss', () => checkMerge(framesOf(1, 700, 1, 1), 1, 'f32', 3));

  async function checkMerge(
    patch: readonly number[],
    share: number,
    computeDtype: 'f32' | 'f16',
    dim: number,
  ): Promise<void> {
    const hidden = chains(patch, dim, computeDtype);
    const order = reference.byPatch(patch);
    const stream = randomStream(5, 'merge');
    const merged = order.flatMap((row, rank) => {
      const isFirst = rank === 0 || patch[order[rank - 1]!] !== patch[row];
      return !isFirst && uniform(stream) < share ? [rank] : [];
    });
    const chosen = new Uint32Array(order.length);
    for (const rank of merged) chosen[rank] = 1;
    const want = reference.merge(hidden, patch, merged);
    const position = Uint32Array.from(patch.keys(), (row) => 3 * row + 100);
    const got = await runAll((rec) => {
      const layout = upload(rec, planesOf(patch));
      const into = assignRuns(rec, layout, upload(rec, host([order.length], chosen, 'u32')));
      const counts = { tokens: order.length, kept: want.keep.length, merge: true };
      const survivors = survivorsOf(rec, layout, into, counts);
      const { keep, slot } = survivors;
      const places = compactLayout(rec, upload(rec, host([patch.length], position, 'u32')), layout, survivors);
      return { keep, slot, ...places, hidden: compactRows(rec, upload(rec, hidden), survivors) };
    });
    expectCompacted(got, want, patch, position);
    expectClose(
      got.hidden,
      want.hidden,
      tolerance(computeDtype, { sumOf: order.length, scale: largest(hidden.values) }),
    );
    expectSlots(got, patch.length);
  }
});

/** Positions, patches and the layout as if it had been made for the survivors. */
function expectCompacted(
  got: Readonly<Record<'position' | 'layout', ArrayLike<number>>>,
  want: reference.Reduced,
  patch: readonly number[],
  position: Uint32Array,
): void {
  const kept = want.keep.length;
  expect(Array.from(got.position)).to.deep.equal(want.keep.map((row) => position[row]));
  const planes = Array.from(got.layout);
  const { planes: fresh } = videoLayout(Int32Array.from(want.patch), 0, 0);
  const tokens = want.patch.filter((type) => type >= 0).length;
  // The third plane is only as long as there are tokens.
  expect(planes.slice(0, 2 * kept + tokens)).to.deep.equal([...fresh.subarray(0, 2 * kept + tokens)]);
  expect(planes.slice(0, kept).map((type) => (type === NOT_VIDEO ? -1 : type))).to.deep.equal(
    want.keep.map((row) => patch[row]),
  );
}

/** `slot` counts the survivors before each row, and before each rank. */
function expectSlots(got: Readonly<Record<'keep' | 'slot', ArrayLike<number>>>, rows: number): void {
  for (const [start, end] of [
    [0, rows],
    [rows, got.keep.length],
  ] as const) {
    let before = 0;
    for (let i = start; i < end; i++) {
      if (got.slot[i] !== before) expect.fail(`slot[${i}] is ${got.slot[i]}, want ${before}`);
      before += got.keep[i]!;
    }
  }
}

describe('pruning', () => {
  for (const computeDtype of ['f32', 'f16'] as const)
    for (const [name, patch, first, length] of [
      ['one row', [0], 0, 1],
      ['five frames between text', framesOf(3, 5, 4, 6), 3, 20],
      ['a stretch with text inside', scattered(257, 7, 2), 17, 130],
      ['65 rows at the end', framesOf(2, 13, 5, 0), 2, 65],
    ] as const)
      itOn([computeDtype], `of ${name} in ${computeDtype} keeps the chosen rows and everything outside`, async () => {
        const dim = 70;
        const hidden = random([patch.length, dim], { seed: 1, outliers: 3, dtype: computeDtype });
        const flags = Uint32Array.from({ length }, (_, i) => Number((i * 5) % 7 < 3));
        const chosen = Array.from(flags.keys()).filter((i) => flags[i] === 1);
        const want = reference.prune(hidden, patch, { first, length, chosen });
        const position = Uint32Array.from(patch.keys(), (row) => 2 * row);
        const tokens = reference.byPatch(patch).length;
        const got = await runAll((rec) => {
          const layout = upload(rec, planesOf(patch));
          const into = assignChosen(rec, layout, upload(rec, host([length], flags, 'u32')), first);
          const kept = want.keep.length;
          const survivors = survivorsOf(rec, layout, into, { tokens, kept, merge: false });
          const { keep, slot } = survivors;
          const x = upload(rec, hidden);
          return {
            keep,
            slot,
            ...compactLayout(rec, upload(rec, host([patch.length], position, 'u32')), layout, survivors),
            hidden: compactRows(rec, x, survivors),
            gathered: compactRows(rec, x, survivors, { room: kept + 2 }),
          };
        });
        expectCompacted(got, want, patch, position);
        expectSlots(got, patch.length);
        expect([...got.hidden]).to.deep.equal([...want.hidden]);
        // The two rows of room behind are left as they were.
        expect([...got.gathered.subarray(0, want.hidden.length)]).to.deep.equal([...want.hidden]);
        expect([...got.gathered.subarray(want.hidden.length)].every(Number.isNaN)).to.equal(true);
      });

  it('refuses to gather rows that nobody decided about', () =>
    expectRejection(
      run((rec) => {
        const layout = upload(rec, planesOf([0, 0]));
        const into = upload(rec, host([2], [0, 0], 'u32'));
        const survivors = survivorsOf(rec, layout, into, { tokens: 2, kept: 1, merge: true });
        return compactRows(rec, upload(rec, random([5, 3], { seed: 1 }), 'k cache'), survivors, { room: 4 });
      }),
      ShapeError,
      'compactRows: x must have',
      "'k cache' [5,3]",
    ));
});

describe('a merge by assignment', () => {
  for (const computeDtype of ['f32', 'f16'] as const)
    for (const [name, patch] of layouts)
      for (const groups of [1, 3, 40])
        itOn(
          [computeDtype],
          `of ${name} into ${groups} groups in any order, in ${computeDtype}, leaves the mean of each`,
          async () => {
            const dim = 21;
            const hidden = random([patch.length, dim], { seed: 4, dtype: computeDtype });
            const tokens = patch.flatMap((type, row) => (type >= 0 ? [row] : []));
            const stream = randomStream(groups, 'groups');
            // Any member may stand for its group: the first, the last, or one between them.
            const members = new Map<number, number[]>();
            for (const row of tokens) {
              const group = stream() % groups;
              members.set(group, [...(members.get(group) ?? []), row]);
            }
            const into = Uint32Array.from(patch.keys());
            const want = new Map(patch.map((_, row) => [row, [row]]));
            for (const group of members.values()) {
              const survivor = pick(stream, group);
              for (const row of group) into[row] = survivor;
              for (const row of group) want.delete(row);
              want.set(survivor, group);
            }
            // One token of no group's goes, and nobody stands for it.
            const lonely = [...members.values()].find((group) => group.length === 1)?.[0];
            if (lonely !== undefined && want.size > 1) {
              into[lonely] = GONE;
              want.delete(lonely);
            }
            const kept = [...want.keys()].sort((a, b) => a - b);
            const got = await run((rec) => {
              const layout = upload(rec, planesOf(patch));
              const counts = { tokens: tokens.length, kept: kept.length, merge: true };
              const survivors = survivorsOf(rec, layout, upload(rec, host([patch.length], into, 'u32')), counts);
              return compactRows(rec, upload(rec, hidden), survivors);
            });
            const means = kept.flatMap((row) => {
              const group = want.get(row)!;
              return Array.from(
                { length: dim },
                (_, c) => group.reduce((sum, member) => sum + hidden.values[member * dim + c]!, 0) / group.length,
              );
            });
            expectClose(got, means, tolerance(computeDtype, { sumOf: tokens.length, scale: largest(hidden.values) }));
          },
        );
});

describe('lastRowAttention', () => {
  for (const computeDtype of ['f32', 'f16'] as const)
    for (const [last, rows, keys, heads, kvHeads, headDim] of [
      [1, 1, 1, 1, 1, 16],
      [1, 5, 5, 4, 2, 20],
      [1, 1, 129, 6, 2, 16],
      [1, 33, 257, 2, 1, 64],
      [4, 33, 257, 2, 1, 64],
      [4, 4, 4, 4, 2, 20],
    ] as const)
      itOn(
        [computeDtype],
        `weighs ${keys} keys by the last ${last} of ${rows} rows, ${heads}/${kvHeads} heads of ${headDim} in ${computeDtype}`,
        async () => {
          const sizes = { heads, kvHeads, headDim };
          const q = random([rows, heads * headDim], { seed: 1, dtype: computeDtype });
          const k = random([keys, kvHeads * headDim], { seed: 2, dtype: computeDtype });
          const got = await run((rec) => lastRowAttention(rec, upload(rec, q), upload(rec, k), { ...sizes, last }));
          const { weights, exponent } = attention.lastRowAttention(q, k, sizes, last);
          expectClose(got, weights, tolerance('f32', { sumOf: headDim, exponent }));
          for (let head = 0; head < last * heads; head++)
            expect(
              Array.from(got.subarray(head * keys, (head + 1) * keys)).reduce((sum, w) => sum + w, 0),
            ).to.be.closeTo(1, 1e-5);
        },
      );

  it('refuses heads that do not fit', () =>
    expectRejection(
      run((rec) => {
        const [q, k] = [upload(rec, random([2, 64], { seed: 1 })), upload(rec, random([2, 32], { seed: 1 }))];
        return lastRowAttention(rec, q, k, { heads: 4, kvHeads: 1, headDim: 16 });
      }),
      ShapeError,
      'lastRowAttention: 4/1 heads of 16',
    ));
});

describe('receivedAttention', () => {
  for (const computeDtype of ['f32', 'f16'] as const)
    for (const [segments, tokens, heads, headDim, queries] of [
      [1, 1, 1, 8, undefined],
      [3, 5, 2, 20, undefined],
      [2, 70, 3, 16, undefined],
      [4, 17, 2, 72, 1],
    ] as const)
      itOn(
        [computeDtype],
        `is the mean over ${heads} heads of ${tokens} tokens in ${segments} segments in ${computeDtype}`,
        async () => {
          const [rows, width] = [segments * tokens, heads * headDim];
          // Query and key of a fused matrix, as the tower has them.
          const qkv = random([rows, 3 * width], { seed: 6, outliers: 2, dtype: computeDtype, scale: 0.3 });
          const got = await run((rec) => {
            const of = upload(rec, qkv);
            const options = { heads, headDim, segments, ...(queries && { queries }) };
            return receivedAttention(rec, { of, column: 0 }, { of, column: width }, options);
          });
          const at = (row: number, column: number): number => qkv.values[row * 3 * width + column]!;
          const want = new Float64Array(rows);
          for (let segment = 0; segment < segments; segment++)
            for (let head = 0; head < heads; head++)
              for (let query = 0; query < (queries ?? tokens); query++) {
                const row = segment * tokens + query;
                const scores = Array.from({ length: tokens }, (_, key) => {
                  let sum = 0;
                  for (let c = head * headDim; c < (head + 1) * headDim; c++)
                    sum += at(row, c) * at(segment * tokens + key, width + c);
                  return sum / Math.sqrt(headDim);
                });
                const most = Math.max(...scores);
                const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
                for (const [key, score] of scores.entries())
                  want[segment * tokens + key]! += Math.exp(score - most) / total / heads / (queries ?? tokens);
              }
          expectClose(got, want, { atol: 1e-5, rtol: 1e-4 });
        },
      );

  it('refuses segments that do not fit', () =>
    expectRejection(
      run((rec) => {
        const of = upload(rec, random([5, 24], { seed: 1 }));
        return receivedAttention(rec, { of, column: 0 }, { of, column: 8 }, { heads: 1, headDim: 8, segments: 2 });
      }),
      ShapeError,
      'receivedAttention: 1 heads of 8 in 2 segments',
    ));
});

describe('importance', () => {
  for (const [heads, keys, first, n] of [
    [1, 1, 0, 1],
    [3, 40, 5, 30],
    [14, 300, 3, 257],
  ] as const)
    it(`is the mean over ${heads} heads of ${n} of ${keys} keys`, async () => {
      const weights = host([heads, keys], random([heads, keys], { seed: 1 }).values.map(Math.abs));
      const got = await run((rec) => importance(rec, upload(rec, weights), { first, count: n }));
      const want = Array.from({ length: n }, (_, i) => {
        const column = Array.from({ length: heads }, (_unused, head) => weights.values[head * keys + first + i]!);
        return column.reduce((sum, weight) => sum + weight, 0) / heads;
      });
      expectClose(Array.from(got, fromOrderKey), want, tolerance('f32', { sumOf: heads }));
    });

  it('puts text before all video tokens where it is to be spared', async () => {
    const patch = [-1, 0, 1, -1, -1, 0, 1, -1];
    const { planes } = videoLayout(Int32Array.from(patch), 1, 6);
    const weights = host([2, 8], random([2, 8], { seed: 1 }).values.map(Math.abs));
    const keys = (spared: boolean) =>
      run((rec) => {
        const layout = rec.upload('layout', [3, 8], 'u32', planes);
        return importance(rec, upload(rec, weights), { first: 1, count: 6, spare: spared ? layout : undefined });
      });
    const want = [...(await keys(false))].map((key, i) => (patch[1 + i]! < 0 ? NAN_KEY : key));
    expect([...(await keys(true))]).to.deep.equal(want);
  });

  it('refuses keys beyond the end, and weights that are no f32', async () => {
    const weights = random([2, 9], { seed: 1 });
    await expectRejection(
      run((rec) => importance(rec, upload(rec, weights), { first: 3, count: 7 })),
      ShapeError,
      'importance: keys 3 + 7 do not fit',
    );
    await expectRejection(
      run((rec) => importance(rec, upload(rec, host([2, 9], weights.values, 'f16')), { first: 3, count: 6 })),
      ShapeError,
      'importance: weights must be f32',
    );
  });
});

describe('combineRows', () => {
  for (const computeDtype of ['f32', 'f16'] as const)
    itOn(
      [computeDtype],
      `sums rows by their weights, some in several sums and some in none, in ${computeDtype}`,
      async () => {
        const x = random([9, 67], { seed: 4, outliers: 2, dtype: computeDtype });
        const sums = [
          [[8, 0.5] as const, [0, 0.5] as const],
          [[3, 1] as const],
          [[0, -2] as const, [8, 0.25] as const, [5, 1] as const],
        ];
        const members = sums.flat();
        const starts = host([4], Uint32Array.of(0, 2, 3, 6), 'u32');
        const rows = host(
          [6],
          Uint32Array.from(members, ([row]) => row),
          'u32',
        );
        const weights = host(
          [6],
          Float32Array.from(members, ([, weight]) => weight),
          'f32',
        );
        const got = await run((rec) =>
          combineRows(rec, upload(rec, x), {
            starts: upload(rec, starts),
            members: upload(rec, rows),
            weights: upload(rec, weights),
          }),
        );
        expectClose(got, reference.combineRows(x, sums), tolerance(computeDtype));
      },
    );
});
