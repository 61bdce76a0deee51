/**
 * The kernel for tensor cores, which no software adapter has. Dawn's null backend says that it compiles; and with plain
 * functions in place of the matrix instructions it runs, so that its tiles, edges and epilogue are checked.
 */
import { expect } from 'chai';
import { type AliasType, Kernel, type KernelSource } from '../../engine/kernel.ts';
import { together, vec8Of, wideCodecOf } from '../../kernels/codec/codec.ts';
import { ceilDiv } from '../../kernels/grid.ts';
import source from '../../kernels/linear/linear-matrix.wgsl';
import { type MatrixShape, matrixPart, matrixShapes } from '../../kernels/matrix.ts';
import { swiglu } from '../../kernels/reference/activation.ts';
import * as reference from '../../kernels/reference/linear.ts';
import { type WeightFormat, weightFormats } from '../../kernels/weight.ts';
import { expectClose, largest, tolerance } from '../helpers/close.ts';
import { itOn, run, upload, uploadWeight } from '../helpers/device.ts';
import { emulated, emulatedShapes } from '../helpers/matrices.ts';
import { matrixCompilerMessages } from '../helpers/null-gpu.ts';
import { type HostTensor, host, random } from '../helpers/random.ts';

interface Case {
  readonly shape?: MatrixShape;
  readonly rows: number;
  readonly k: number;
  readonly n: number;
  readonly format?: WeightFormat;
  readonly out?: AliasType;
  readonly gated?: boolean;
  readonly period?: number;
  /** Rows are divided by powers of two, and followed by them, as linear-halves.wgsl leaves them. */
  readonly halved?: boolean;
  /** Rows of a tile. */
  readonly tall?: 128 | 256;
}

const SIXTEEN = matrixShapes[0]!;

async function check(c: Case): Promise<void> {
  const {
    shape = SIXTEEN,
    rows,
    k,
    n,
    format = 'f16',
    out = 'f32',
    gated = false,
    period,
    halved = false,
    tall = 128,
  } = c;
  const kernel = new Kernel(`linear-matrix-${shape.m}-${shape.n}`, emulated(source));
  const x = random([rows, k], { seed: 1, dtype: 'f16', outliers: 1 });
  const weight = random([n, k], { seed: 2, dtype: format === 'bf16' ? 'bf16' : 'f16', scale: 1 / Math.sqrt(k) });
  const bias = gated ? undefined : random([n], { seed: 3 });
  const residual = period === undefined ? undefined : random([period, n], { seed: 4 });
  const width = gated ? n / 2 : n;
  const got = await run((rec) => {
    const uploaded = uploadWeight(rec, weight);
    const xs = upload(rec, halved ? halves(x) : x);
    const y = rec.empty('y', [rows, width], out);
    rec.dispatch(kernel, {
      operands: {
        x: xs,
        weight: uploaded.parts[0]!,
        bias: bias ? upload(rec, bias) : xs,
        residual: residual ? upload(rec, residual) : xs,
        y,
      },
      params: { rows, n, k, span: k / 8, stride: width, column: 0, period: period ?? 1 },
      constants: {
        HAS_BIAS: Number(!gated),
        HAS_RESIDUAL: Number(period !== undefined),
        GATED: Number(gated),
        HALVED: Number(halved),
        ROWS: tall,
      },
      types: { computeDtype: 'f16', out },
      codec: together(vec8Of('f16'), wideCodecOf(uploaded), matrixPart(shape)),
      workgroups: [ceilDiv(n, 128), ceilDiv(rows, tall)],
    });
    return y;
  });
  const sums = reference.linear(x, weight, { bias, residual });
  const want = gated ? swiglu(sums, width) : sums;
  expectClose(got, want, tolerance(out, { sumOf: k, scale: Math.max(1, largest(want)), exponent: gated ? 8 : 0 }));
}

/** Each row divided by a power of two of its own, and eight numbers more, of which the first is the exponent. */
function halves({ shape: [rows = 0, k = 0], values }: HostTensor): HostTensor {
  const y = Array.from({ length: rows }, (_, row) => {
    const exponent = row - 3;
    const own = Array.from(values.subarray(row * k, (row + 1) * k), (value) => value / 2 ** exponent);
    return [...own, exponent, ...new Array<number>(7).fill(Number.NaN)];
  });
  return host([rows, k + 8], y.flat(), 'f16');
}

describe('linear on tensor cores', () => {
  for (const shape of matrixShapes)
    for (const format of weightFormats.filter((one) => one !== 'f32'))
      it(`compiles with ${format} weights and matrices of ${shape.m} x ${shape.n} where the instructions exist`, async () => {
        const kernel = new Kernel('linear-matrix', source as KernelSource);
        const codec = together(vec8Of('f16'), wideCodecOf({ format }), matrixPart(shape));
        const codes = (['f32', 'f16'] as const).map((out) =>
          kernel.text({ types: { computeDtype: 'f16', out }, constants: {}, codec }),
        );
        expect(await matrixCompilerMessages(codes)).to.deep.equal([]);
      });

  for (const shape of emulatedShapes)
    itOn(
      ['f16', 'subgroups'],
      `multiplies tiles of ${shape.m} x ${shape.n}, and what is left at their edges`,
      async () => {
        for (const [rows, k, n, tall] of [
          [1, 8, 1, 128],
          [5, 40, 17, 128],
          [130, 40, 131, 128],
          [3, 40, 131, 256],
          [258, 8, 5, 256],
        ] as const)
          await check({ shape, rows, k, n, period: rows, tall });
      },
    );

  itOn(['f16', 'subgroups'], 'reads bf16 weights, repeats a residual, and rounds its result once', () =>
    check({ rows: 20, k: 64, n: 40, format: 'bf16', out: 'f16', period: 5 }),
  );

  itOn(['f16', 'subgroups'], 'multiplies rows back that came divided by powers of two', () =>
    check({ rows: 7, k: 40, n: 20, period: 7, halved: true }),
  );

  for (const shape of emulatedShapes)
    itOn(
      ['f16', 'subgroups'],
      `gates what the other half lets through, by matrices of ${shape.m} x ${shape.n}`,
      async () => {
        for (const n of [2, 66, 300]) await check({ shape, rows: 9, k: 40, n, gated: true });
        await check({ shape, rows: 70, k: 40, n: 140, gated: true, tall: 256 });
      },
    );
});
