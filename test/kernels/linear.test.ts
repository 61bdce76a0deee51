import { expect } from 'chai';
import { ShapeError } from '../../engine/errors.ts';
import { embed } from '../../kernels/embed.ts';
import { linearTable } from '../../kernels/linear/plans.ts';
import { gatedLinear, type LinearPlan, linear } from '../../kernels/linear.ts';
import { swiglu } from '../../kernels/reference/activation.ts';
import * as reference from '../../kernels/reference/linear.ts';
import { partRows, rowBytes, weightOf, weightRows } from '../../kernels/weight.ts';
import { expectClose, largest, tolerance } from '../helpers/close.ts';
import { type Feature, itOn, run, upload, uploadWeight } from '../helpers/device.ts';
import { expectRejection } from '../helpers/errors.ts';
import { type HostTensor, host, random } from '../helpers/random.ts';

type Float = 'f32' | 'f16';

interface LinearCase {
  readonly rows: number;
  readonly k: number;
  readonly n: number;
  readonly plan?: LinearPlan;
  readonly computeDtype?: Float;
  readonly out?: Float;
  readonly codec?: 'f32' | 'f16' | 'bf16';
  readonly bias?: boolean;
  /** Rows of the residual; none where absent. */
  readonly period?: number;
  /** The largest part of the weight. */
  readonly partBytes?: number;
}

const inVectors = (plan: LinearPlan | undefined): boolean => plan !== undefined && 'vectors' in linearTable[plan].needs;

/** Columns that a plan can multiply: those in vectors take eight at a time. */
const columnsOf = (plan: LinearPlan | undefined, k: number): number => (inVectors(plan) ? 8 * Math.ceil(k / 8) : k);

/** For the products that a plan adds up in f16. */
function halves(plan: LinearPlan | undefined, computeDtype: Float, x: HostTensor, weight: HostTensor): number {
  if (computeDtype === 'f32' || !inVectors(plan)) return 0;
  const squared = ({ values, ...rest }: HostTensor) => ({
    ...rest,
    values: values.map((value) => value ** 2) as Float32Array,
  });
  return Math.sqrt(largest(reference.linear(squared(x), squared(weight))));
}

async function check(c: LinearCase): Promise<void> {
  const { rows, n, computeDtype = 'f32', out = 'f32', codec = 'f32', plan } = c;
  const k = columnsOf(plan, c.k);
  const x = random([rows, k], { seed: 1, outliers: 3, dtype: computeDtype });
  // Scaled as in a checkpoint, so that an f16 result can hold what outliers make.
  const weight = random([n, k], { seed: 2, dtype: codec, scale: 1 / Math.sqrt(k) });
  const bias = c.bias ? random([n], { seed: 3 }) : undefined;
  const residual = c.period === undefined ? undefined : random([c.period, n], { seed: 4, outliers: 1 });
  const got = await run((rec) => {
    const weights = { weight: uploadWeight(rec, weight, c.partBytes), bias: bias && upload(rec, bias) };
    const options = { out, ...(plan && { plan }), ...(residual && { residual: upload(rec, residual) }) };
    return linear(rec, upload(rec, x), weights, options);
  });
  const want = reference.linear(x, weight, { bias, residual });
  const options = { sumOf: k, scale: largest(want), halves: halves(plan, computeDtype, x, weight) };
  expectClose(got, want, tolerance(out, options));
}

const sizes = [
  [1, 1, 1],
  [2, 3, 9],
  [5, 588, 33],
  [17, 896, 40],
  [33, 20, 257],
  [257, 7, 130],
  [6, 2051, 70],
] as const;

const plans = ['checked', 'row', 'few', 'subgroup', 'subgroupRow'] as const;

/** Their text is long, and software adapters take seconds to compile a variant: few tests, each with many sizes. */
const tiles = ['tile', 'tileSplit'] as const;

describe('linear', () => {
  for (const plan of plans) {
    const needs = (...types: readonly Feature[]): Feature[] =>
      plan.startsWith('subgroup') ? ['subgroups', ...types] : [...types];

    for (const [rows, k, n] of sizes)
      itOn(needs(), `matches the float64 reference for ${rows} rows of ${k} by ${n}, plan ${plan}`, () =>
        check({ rows, k, n, plan, bias: true, period: rows }),
      );

    for (const codec of ['f32', 'bf16', 'f16'] as const)
      for (const k of [7, 66])
        itOn(needs(), `reads ${codec} weights of ${k} columns, plan ${plan}`, () =>
          check({ rows: 9, k, n: 35, plan, codec, bias: true, period: 9 }),
        );

    for (const [computeDtype, out] of [
      ['f16', 'f32'],
      ['f32', 'f16'],
      ['f16', 'f16'],
    ] as const)
      itOn(needs('f16'), `multiplies ${computeDtype} into ${out} with sums in f32, plan ${plan}`, async () => {
        for (const [rows, k] of [
          [5, 588],
          [3, 5],
        ] as const)
          await check({ rows, k, n: 33, plan, computeDtype, out, codec: 'bf16', bias: true, period: rows });
      });

    for (const [bias, period] of [
      [false, undefined],
      [true, undefined],
      [false, 4],
      [true, 1],
    ] as const) {
      const residual = period === undefined ? 'no residual' : `a residual of ${period} rows`;
      itOn(needs(), `adds ${bias ? 'a bias' : 'no bias'} and ${residual} to 9 rows, plan ${plan}`, () =>
        check({ rows: 9, k: 10, n: 21, plan, bias, ...(period && { period }) }),
      );
    }
  }

  // Qwen2's activations reach some 500, in one channel of all rows.
  for (const plan of tiles)
    for (const computeDtype of ['f32', 'f16'] as const)
      itOn([computeDtype], `matches the float64 reference in ${computeDtype}, plan ${plan}`, async () => {
        for (const [rows, k, n] of sizes)
          await check({ rows, k, n, plan, computeDtype, codec: 'f16', bias: true, period: rows });
        await check({
          rows: 7,
          k: 2048,
          n: 90,
          plan,
          computeDtype,
          codec: 'f16',
          bias: true,
          period: 1,
          partBytes: 2 ** 18,
        });
      });

  for (const plan of ['tile', 'few'] as const)
    itOn(['f16'], `adds products up in f16 that one channel of 500 is among, plan ${plan}`, async () => {
      const [rows, k, n] = [67, 1024, 70];
      const drawn = random([rows, k], { seed: 1, dtype: 'f16' });
      for (let row = 0; row < rows; row++) drawn.values[row * k + 13] = row % 2 === 0 ? 500 : -500;
      const weight = random([n, k], { seed: 2, dtype: 'f16', scale: 1 / Math.sqrt(k) });
      // All of a kind: whatever f16 would add up before it hands over to f32 adds up.
      for (let i = 0; i < n; i++) for (let c = 8; c < 24; c++) weight.values[i * k + c] = 1;
      const got = await run((rec) => linear(rec, upload(rec, drawn), { weight: uploadWeight(rec, weight) }, { plan }));
      const want = reference.linear(drawn, weight);
      const options = { sumOf: k, scale: largest(want), halves: halves(plan, 'f16', drawn, weight) };
      expectClose(got, want, tolerance('f32', options));
    });

  it('does not overflow where products and sums are beyond f16', async () => {
    const x = host([6, 64], new Float32Array(384).fill(OVER), 'f32');
    const weight = host([5, 64], new Float32Array(320).fill(OVER), 'f16');
    const got = await run((rec) => linear(rec, upload(rec, x), { weight: uploadWeight(rec, weight) }));
    expect([...got]).to.deep.equal(new Array(30).fill(64 * OVER * OVER));
  });

  it('gives the same whatever the plan that is chosen by the number of rows', async () => {
    for (const rows of [1, 4, 5]) await check({ rows, k: 30, n: 19, bias: true });
  });

  it('names the operand that does not fit', async () => {
    const refuse = (part: string, shapes: { weight?: number[]; bias?: number[]; residual?: number[] }) =>
      expectRejection(
        run((rec) => {
          const make = (shape: readonly number[]) => upload(rec, random(shape, { seed: 1 }), 'layers.4.qkv');
          const weights = { weight: weightOf(make(shapes.weight ?? [3, 6])), bias: make(shapes.bias ?? [3]) };
          return linear(rec, make([2, 6]), weights, { residual: make(shapes.residual ?? [2, 3]) });
        }),
        ShapeError,
        `linear: ${part} must be`,
        "'layers.4.qkv'",
      );
    await refuse('weight', { weight: [3, 5] });
    await refuse('bias', { bias: [2] });
    await refuse('residual', { residual: [2, 2] });
    await expectRejection(
      run((rec) => {
        const u32 = upload(rec, host([2, 6], new Uint32Array(12), 'u32'));
        return linear(rec, u32, { weight: uploadWeight(rec, random([3, 6], { seed: 1 })) });
      }),
      ShapeError,
      'linear: x must be f32 or f16',
    );
  });
});

describe('weightRows', () => {
  for (const [first, count] of [
    [0, 64],
    [64, 64],
    [128, 192],
    [0, 320],
  ] as const)
    it(`are rows ${first} to ${first + count} of a weight, whatever parts it has`, async () => {
      const [x, weight] = [random([5, 64], { seed: 1 }), random([320, 64], { seed: 2 })];
      for (const partRows of [64, 192, 320]) {
        const got = await run((rec) => {
          const whole = uploadWeight(rec, weight, partRows * rowBytes('f32', 64));
          return linear(rec, upload(rec, x), { weight: weightRows(whole, first, count) });
        });
        const some = host([count, 64], weight.values.slice(64 * first, 64 * (first + count)));
        expectClose(got, reference.linear(x, some, {}), tolerance('f32', { sumOf: 64 }));
      }
    });
});

/** Its square is 810,000, beyond f16. */
const OVER = 900;

describe('embed', () => {
  for (const dim of [1, 7, 64, 130])
    for (const codec of ['f32', 'bf16', 'f16'] as const)
      it(`looks rows of ${dim} up in a ${codec} table`, () => checkEmbed(dim, 37, codec));

  it('makes nothing of no ids', async () => {
    const table = random([4, 6], { seed: 1 });
    const got = await run((rec) => embed(rec, upload(rec, host([0], [], 'u32')), uploadWeight(rec, table)));
    expect(got).to.have.length(0);
  });

  it('refuses ids that are no u32', () =>
    expectRejection(
      run((rec) => embed(rec, upload(rec, random([3], { seed: 1 })), uploadWeight(rec, random([4, 6], { seed: 1 })))),
      ShapeError,
      'embed: ids must be u32',
    ));
});

async function checkEmbed(
  dim: number,
  vocabulary: number,
  codec: 'f32' | 'f16' | 'bf16',
  partBytes?: number,
): Promise<void> {
  const table = random([vocabulary, dim], { seed: 5, outliers: 2, dtype: codec });
  const ids = [0, vocabulary - 1, 3, 3, 1, Math.floor(vocabulary / 2)];
  const got = await run((rec) =>
    embed(rec, upload(rec, host([ids.length], ids, 'u32')), uploadWeight(rec, table, partBytes)),
  );
  expect([...got]).to.deep.equal([...reference.embed(ids, table)]);
}

describe('a weight in several parts', () => {
  for (const plan of plans)
    itOn(
      plan.startsWith('subgroup') ? ['subgroups'] : [],
      `is multiplied part by part, with their own columns of bias and residual, plan ${plan}`,
      async () => {
        await check({ rows: 7, k: 35, n: 90, plan, bias: true, period: 7, partBytes: 4096 });
        await check({ rows: 7, k: 63, n: 70, plan, codec: 'bf16', bias: true, period: 1, partBytes: 4096 });
        await check({ rows: 2, k: 63, n: 3, plan, codec: 'bf16', bias: true, period: 1, partBytes: 1 });
      },
    );

  it('is looked up part by part', async () => {
    await checkEmbed(35, 101, 'f32', 4096);
    await checkEmbed(31, 150, 'bf16', 4096);
  });

  it('has every row once, in parts that are as large as allowed', () => {
    for (const [rows, columns, format] of [
      [1, 2, 'f32'],
      [4096, 2, 'f32'],
      [151, 896, 'bf16'],
      [151, 896, 'q4'],
      [77, 34, 'q8'],
      [0, 34, 'f16'],
    ] as const) {
      const parts = partRows(format, rows, columns, 1 << 16);
      expect(parts.reduce((sum, count) => sum + count, 0)).to.equal(rows);
      for (const count of parts) expect(count * rowBytes(format, columns)).to.be.at.most(1 << 16);
      for (const count of parts.slice(0, -1)) expect((count + 1) * rowBytes(format, columns)).to.be.above(1 << 16);
    }
  });
});

describe('gatedLinear', () => {
  async function checkGated(rows: number, k: number, n: number, plan?: LinearPlan, partBytes?: number): Promise<void> {
    const x = random([rows, k], { seed: 1, outliers: 1 });
    const weight = random([2 * n, k], { seed: 2, dtype: 'bf16', scale: 1 / Math.sqrt(k) });
    const got = await run((rec) => gatedLinear(rec, upload(rec, x), uploadWeight(rec, weight, partBytes), { plan }));
    const want = swiglu(reference.linear(x, weight), n);
    expectClose(got, want, tolerance('f32', { sumOf: k, scale: Math.max(1, largest(want)), exponent: 8 }));
  }

  for (const plan of [...plans, 'tileSplit'] as const)
    itOn(
      plan.startsWith('subgroup') ? ['subgroups'] : [],
      `gates what the other half lets through, plan ${plan}`,
      async () => {
        for (const [rows, k, n] of [
          [1, 3, 1],
          [5, 66, 33],
          [17, 20, 64],
          [70, 8, 130],
          [6, 1032, 70],
        ] as const)
          await checkGated(rows, columnsOf(plan, k), n, plan);
      },
    );

  it('is the same for a weight in parts', () => checkGated(9, 64, 70, undefined, 64 * 2 * 40));

  it('holds at gates whose exponential would overflow', async () => {
    const got = await run((rec) =>
      gatedLinear(rec, upload(rec, host([1, 1], [1])), uploadWeight(rec, host([4, 1], [-1000, 6e4, 5, 7]))),
    );
    expectClose(got, [0, 42e4], tolerance('f32'));
  });

  it('names a weight that does not fit', async () => {
    for (const shape of [
      [6, 5],
      [5, 4],
    ] as const)
      await expectRejection(
        run((rec) =>
          gatedLinear(rec, upload(rec, random([2, 4], { seed: 1 })), uploadWeight(rec, random(shape, { seed: 2 }))),
        ),
        ShapeError,
        'gatedLinear: weight must be [2 * n, 4]',
      );
  });
});
