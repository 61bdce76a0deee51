import { expect } from 'chai';
import { ShapeError } from '../../engine/errors.ts';
import { Runtime } from '../../engine/runtime.ts';
import { virtualAdapter } from '../../engine/virtual-adapter.ts';
import { type AttentionPlan, attention, attentionPlans } from '../../kernels/attention.ts';
import * as reference from '../../kernels/reference/attention.ts';
import { expectClose, largest, tolerance } from '../helpers/close.ts';
import { itOn, run, sharedRuntime, upload } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { type HostTensor, host, random } from '../helpers/random.ts';

interface Case extends reference.AttentionCase {
  readonly rows: number;
  readonly keys: number;
  readonly computeDtype?: 'f32' | 'f16';
}

const someGpu = { vendor: 'acme', architecture: 'anvil', device: 'Anvil 9000', description: '' };

async function check(c: Case): Promise<void> {
  const { rows, keys, heads, kvHeads, headDim, segments = 1, computeDtype = 'f32' } = c;
  const q = random([segments * rows, heads * headDim], { seed: 1, dtype: computeDtype });
  const k = random([segments * keys, kvHeads * headDim], { seed: 2, dtype: computeDtype });
  const v = random([segments * keys, kvHeads * headDim], { seed: 3, outliers: 3, dtype: computeDtype });
  await compare(q, k, v, c);
}

/** Plans whose products f16 adds up, or whose weights it holds, at most as far off as this test says. */
const inHalves = new Set<AttentionPlan>(['tile', 'matrix']);

async function compare(q: HostTensor, k: HostTensor, v: HostTensor, c: reference.AttentionCase): Promise<void> {
  const [qColumn, kColumn, vColumn] = c.columns ?? [0, 0, 0];
  const { y, exponent } = reference.attention(q, k, v, c);
  const computeDtype = q.dtype === 'f16' ? 'f16' : 'f32';
  const whole = [c.headDim, ...[q, k, v].map(({ shape }) => shape[1] ?? 0), qColumn, kColumn, vColumn];
  const job = {
    computeDtype,
    rows: q.shape[0] ?? 0,
    headDim: c.headDim,
    vectors: whole.every((n) => n % 8 === 0),
  } as const;
  for (const plan of attentionPlans(await sharedRuntime(), job)) {
    const got = await run((rec) => {
      const columns = (x: HostTensor, column: number) => ({ of: upload(rec, x), column });
      return attention(rec, columns(q, qColumn), columns(k, kColumn), columns(v, vColumn), { ...c, plan });
    });
    if (inHalves.has(plan)) expectCloseInHalves(got, [q, k, v], c, plan);
    else expectClose(got, y, tolerance(computeDtype, { sumOf: c.headDim, scale: largest(y), exponent }), plan);
  }
}

/**
 * A score that is off by d makes a weight e^d as large, and a weight that f16 rounds is off by 2^-11: so a sum is off by such a
 * share of what the magnitudes of its values add up to.
 */
function expectCloseInHalves(
  got: ArrayLike<number>,
  [q, k, v]: readonly [HostTensor, HostTensor, HostTensor],
  c: reference.AttentionCase,
  plan: string,
): void {
  const { y } = reference.attention(q, k, v, c);
  const magnitudes = reference.attention(q, k, { ...v, values: v.values.map(Math.abs) as Float32Array }, c).y;
  const products = Math.sqrt(c.headDim) * largest(q.values) * largest(k.values);
  // Of chains of eight roundings each, as of linear layers; products are no larger than those of the largest factors.
  const d = (Math.sqrt(8) * 2 ** -11 * products) / 4 / Math.sqrt(c.headDim);
  const share = (values: ArrayLike<number>): Float64Array =>
    Float64Array.from(values, (value, i) => value / Math.max(magnitudes[i]!, 1e-3));
  expectClose(share(got), share(y), { atol: 2 * d + 2 ** -9, rtol: 2 ** -10 }, plan);
}

describe('attention', () => {
  // Few sizes, each for a reason, as llvmpipe compiles some of these kernels for ten seconds: below a vector, whole vectors of
  // eight, half a vector more, what models have, the largest.
  for (const [headDim, computeDtype] of [
    [6, 'f32'],
    [16, 'f32'],
    [20, 'f32'],
    [20, 'f16'],
    [64, 'f32'],
    [72, 'f16'],
    [128, 'f32'],
  ] as const)
    itOn([computeDtype], `matches the float64 reference for heads of ${headDim} in ${computeDtype}`, async () => {
      const heads = { heads: 4, kvHeads: 2, headDim, computeDtype };
      await check({ ...heads, rows: 17, keys: 17, causal: true });
      await check({ ...heads, rows: 19, keys: 33, causal: false });
      await check({ ...heads, rows: 1, keys: 70, causal: true });
    });

  // What GPUs get for wide heads is long, and a software adapter takes its time to compile it.
  for (const headDim of [128, 256])
    describe(`of wide heads of ${headDim}`, function () {
      this.timeout(600_000);
      itOn(['f16'], 'matches the float64 reference in f16', async () => {
        const heads = { heads: 2, kvHeads: 1, headDim, computeDtype: 'f16' } as const;
        await check({ ...heads, rows: 70, keys: 75, causal: true });
        await check({ ...heads, rows: 1, keys: 70, causal: true });
      });
    });

  for (const [rows, keys] of [
    [2, 2],
    [5, 38],
    [16, 32],
    [32, 33],
    [33, 33],
    [33, 65],
    [257, 257],
  ] as const)
    it(`lets ${rows} causal rows be the last ones of ${keys} keys`, () =>
      check({ rows, keys, heads: 2, kvHeads: 1, headDim: 16, causal: true }));

  for (const [rows, keys] of [
    [2, 1],
    [5, 2],
    [17, 257],
  ] as const)
    it(`lets ${rows} rows see all of ${keys} keys`, () =>
      check({ rows, keys, heads: 2, kvHeads: 2, headDim: 16, causal: false }));

  // Of 28 heads, 19 parts or fewer: of a tile of keys each up to 1,216, then of two.
  for (const keys of [127, 129, 1216, 1217, 1300])
    for (const computeDtype of ['f32', 'f16'] as const)
      itOn([computeDtype], `decodes one row of many heads over ${keys} keys in ${computeDtype}`, () =>
        check({ rows: 1, keys, heads: 28, kvHeads: 4, headDim: 24, causal: true, computeDtype }),
      );

  for (const keys of [1, 2, 63, 64, 65, 257])
    it(`decodes one row over ${keys} keys`, () =>
      check({ rows: 1, keys, heads: 6, kvHeads: 2, headDim: 16, causal: true }));

  it('keeps segments apart', async () => {
    await check({ rows: 25, keys: 25, heads: 2, kvHeads: 2, headDim: 16, causal: false, segments: 3 });
    await check({ rows: 1, keys: 40, heads: 2, kvHeads: 2, headDim: 16, causal: false, segments: 2 });
    await check({ rows: 18, keys: 20, heads: 2, kvHeads: 1, headDim: 16, causal: true, segments: 2 });
  });

  for (const rows of [1, 21])
    it(`reads ${rows} rows of heads out of the columns of fused matrices`, async () => {
      const fused = random([rows, 3 * 40], { seed: 4, outliers: 1 });
      const cache = random([30, 50], { seed: 5 });
      const heads = { heads: 2, kvHeads: 2, headDim: 20, causal: false };
      await compare(fused, fused, fused, { ...heads, columns: [0, 40, 80] });
      await compare(fused, cache, cache, { ...heads, columns: [80, 3, 10] });
    });

  for (const computeDtype of ['f32', 'f16'] as const)
    for (const rows of [1, 5])
      itOn([computeDtype], `does not overflow ${computeDtype} scores beyond f16 for ${rows} rows`, async () => {
        // Scores of 64 * 200 * 200 / 8 = 320,000: the softmax is all on the keys with the largest.
        const q = host([rows, 64], new Float32Array(64 * rows).fill(200), computeDtype);
        const k = host(
          [70, 64],
          Float32Array.from({ length: 70 * 64 }, (_, i) => (i < 35 * 64 ? 200 : -200)),
          computeDtype,
        );
        const v = host(
          [70, 64],
          Float32Array.from({ length: 70 * 64 }, (_, i) => (i < 35 * 64 ? 2 : 6e4)),
          computeDtype,
        );
        for (const plan of attentionPlans(await sharedRuntime(), { computeDtype, rows, headDim: 64, vectors: true })) {
          const got = await run((rec) => {
            const whole = (x: HostTensor) => ({ of: upload(rec, x), column: 0 });
            const heads = { heads: 1, kvHeads: 1, headDim: 64, causal: false };
            return attention(rec, whole(q), whole(k), whole(v), { ...heads, plan });
          });
          expectClose(got, new Array(64 * rows).fill(2), tolerance(computeDtype), plan);
        }
      });

  it('splits the keys of a single row on a GPU, where there are many', async () => {
    for (const [rows, keys, want] of [
      [1, 511, ['attention-row']],
      [1, 512, ['attention-row', 'attention-join']],
      [2, 512, ['attention']],
    ] as const) {
      using gpu = await Runtime.open(virtualAdapter({ limits: {}, features: [], info: someGpu }));
      const rec = gpu.recorder('planned');
      const of = (n: number) => ({ of: rec.empty('operand', [n, 64], 'f32'), column: 0 });
      attention(rec, of(rows), of(keys), of(keys), { heads: 4, kvHeads: 4, headDim: 16, causal: true });
      rec.finish();
      expect(gpu.pipelines.uses.map(({ kernel }) => kernel.name)).to.deep.equal(want);
    }
  });

  for (const starts of [
    [0, 64, 112, 128, 140],
    [0, 1, 2, 19, 52],
    [0, 33],
  ])
    for (const [computeDtype, headDim] of [
      ['f32', 20],
      ['f16', 20],
      ['f16', 24],
    ] as const)
      itOn(
        [computeDtype],
        `keeps segments that begin at ${starts} apart, heads of ${headDim} in ${computeDtype}`,
        async () => {
          const heads = { heads: 4, kvHeads: 2, headDim, causal: false };
          const rows = starts.at(-1)!;
          const q = random([rows, 4 * headDim], { seed: 1, dtype: computeDtype });
          const k = random([rows, 2 * headDim], { seed: 2, dtype: computeDtype });
          const v = random([rows, 2 * headDim], { seed: 3, dtype: computeDtype });
          const { y, exponent } = reference.unevenAttention(q, k, v, heads, starts);
          const longest = Math.max(...starts.slice(1).map((end, i) => end - starts[i]!));
          for (const plan of attentionPlans(await sharedRuntime(), { computeDtype, rows, headDim, vectors: true })) {
            const got = await run((rec) => {
              const whole = (x: HostTensor) => ({ of: upload(rec, x), column: 0 });
              const segments = { starts: upload(rec, host([starts.length], starts, 'u32')), longest };
              return attention(rec, whole(q), whole(k), whole(v), { ...heads, segments, plan });
            });
            const rounding = { sumOf: headDim, scale: largest(y), exponent };
            // As of `expectCloseInHalves`, for values and factors up to 4.
            const halves = inHalves.has(plan)
              ? { atol: 4 * 2 ** -7, rtol: 2 ** -9 }
              : tolerance(computeDtype, rounding);
            expectClose(got, y, halves, plan);
          }
        },
      );

  it('wants as many keys as rows of segments that are uneven', () =>
    expectRejection(
      run((rec) => {
        const whole = (rows: number) => ({ of: upload(rec, random([rows, 16], { seed: 1 })), column: 0 });
        const segments = { starts: upload(rec, host([2], [0, 4], 'u32')), longest: 4 };
        const heads = { heads: 1, kvHeads: 1, headDim: 16, causal: false };
        return attention(rec, whole(4), whole(5), whole(5), { ...heads, segments });
      }),
      ShapeError,
      'attention: segments need as many keys as rows',
    ));

  it('names what does not fit', async () => {
    const refuse = (
      part: string,
      sizes: { heads?: number; kvHeads?: number; headDim?: number; causal?: boolean; segments?: number },
    ) =>
      expectRejection(
        run((rec) => {
          const make = (rows: number, label: string) => ({
            of: upload(rec, random([rows, 256], { seed: 1 }), label),
            column: 0,
          });
          const options = { heads: 4, kvHeads: 2, headDim: 16, causal: false, ...sizes };
          return attention(rec, make(4, 'query'), make(3, 'keys'), make(3, 'values'), options);
        }),
        ShapeError,
        'attention: ',
        part,
      );
    await refuse('4 heads cannot share 3 key heads', { kvHeads: 3 });
    await refuse('heads of 130 in f32 are not built', { headDim: 130, heads: 1, kvHeads: 1 });
    await refuse("do not fit 'query' [4,256] f32, 'keys' [3,256] f32", { headDim: 128, heads: 4, kvHeads: 2 });
    await refuse('do not fit', { segments: 3 });
    await refuse("4 causal rows need as many keys, got 'keys'", { causal: true });
  });

  it('refuses operands that are no floats', async () => {
    await expectRejection(
      run((rec) => {
        const x = { of: upload(rec, host([2, 16], new Uint32Array(32), 'u32')), column: 0 };
        return attention(rec, x, x, x, { heads: 1, kvHeads: 1, headDim: 16, causal: true });
      }),
      ShapeError,
      'attention: q must be f32 or f16',
    );
  });
});
