/**
 * The kernel for tensor cores, which no software adapter has. Dawn's null backend says that it compiles; and with plain
 * functions in place of the matrix instructions it runs, so that its tiles, edges and epilogue are checked.
 */
import { expect } from 'chai';
import { create } from 'webgpu';
import { type AliasType, Kernel } from '../../engine/kernel.ts';
import { codecOf } from '../../kernels/codec/index.ts';
import { ceilDiv } from '../../kernels/grid.ts';
import source from '../../kernels/linear/linear-matrix.wgsl';
import { swiglu } from '../../kernels/reference/activation.ts';
import * as reference from '../../kernels/reference/linear.ts';
import { type WeightFormat, weightFormats } from '../../kernels/weight.ts';
import { expectClose, largest, tolerance } from '../helpers/close.ts';
import { itOn, run, upload, uploadWeight } from '../helpers/device.ts';
import { random } from '../helpers/random.ts';

/** A factor is where it lies in workgroup memory; of a product, each thread of a subgroup holds eight elements. */
const EMULATION = `
var<private> place: u32;
struct Factor { at: u32, pitch: u32 }
struct Product { sums: array<f32, 8> }
fn factor(at: u32, pitch: u32) -> Factor { return Factor(at, pitch); }
fn multiplied(a: Factor, b: Factor, c: Product) -> Product {
  var product = c;
  for (var e = 0u; e < 8u; e++) {
    let element = 32u * e + place;
    let left = a.at + element / 16u * a.pitch;
    let right = b.at + element % 16u * b.pitch;
    for (var j = 0u; j < 16u; j++) { product.sums[e] += f32(xs[left + j]) * f32(ws[right + j]); }
  }
  return product;
}
fn storeProduct(at: u32, product: Product, pitch: u32) {
  for (var e = 0u; e < 8u; e++) {
    let element = 32u * e + place;
    made[at + element / 16u * pitch + element % 16u] = product.sums[e];
  }
}
`;

function emulated(text: string): string {
  const plain = text
    .replace('enable chromium_experimental_subgroup_matrix;', '')
    .replace(', @builtin(subgroup_id) subgroup: u32) {', ') { let subgroup = thread / 32u; place = thread % 32u;')
    .replaceAll('subgroup_matrix_result<f32, 16, 16>', 'Product')
    .replaceAll(/subgroupMatrixLoad<subgroup_matrix_right<f16, 16, 16>, col_major>\(&ws,/g, 'factor(')
    .replaceAll(/subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>\(&xs,/g, 'factor(')
    .replaceAll('subgroupMatrixMultiplyAccumulate(', 'multiplied(')
    .replaceAll('subgroupMatrixStore<row_major>(&made,', 'storeProduct(');
  expect(plain).to.not.match(/subgroupMatrix|subgroup_matrix/);
  return plain + EMULATION;
}

interface Case {
  readonly rows: number;
  readonly k: number;
  readonly n: number;
  readonly format?: WeightFormat;
  readonly out?: AliasType;
  readonly gated?: boolean;
  readonly period?: number;
}

async function check({ rows, k, n, format = 'f16', out = 'f32', gated = false, period }: Case): Promise<void> {
  const kernel = new Kernel('linear-matrix-emulated', emulated(source) as typeof source);
  const x = random([rows, k], { seed: 1, dtype: 'f16' });
  const weight = random([n, k], { seed: 2, dtype: format === 'bf16' ? 'bf16' : 'f16', scale: 1 / Math.sqrt(k) });
  const bias = gated ? undefined : random([n], { seed: 3 });
  const residual = period === undefined ? undefined : random([period, n], { seed: 4 });
  const width = gated ? n / 2 : n;
  const got = await run((rec) => {
    const uploaded = uploadWeight(rec, weight);
    const xs = upload(rec, x);
    const y = rec.empty('y', [rows, width], out);
    rec.dispatch(kernel, {
      operands: {
        x: xs,
        weight: uploaded.parts[0]!,
        bias: bias ? upload(rec, bias) : xs,
        residual: residual ? upload(rec, residual) : xs,
        y,
      },
      params: { rows, n, k, stride: width, column: 0, period: period ?? 1 },
      constants: { HAS_BIAS: Number(!gated), HAS_RESIDUAL: Number(period !== undefined), GATED: Number(gated) },
      types: { act: 'f16', out },
      codec: codecOf(uploaded),
      workgroups: [ceilDiv(n, 128), ceilDiv(rows, 128)],
    });
    return y;
  });
  const sums = reference.linear(x, weight, { bias, residual });
  const want = gated ? swiglu(sums, width) : sums;
  expectClose(got, want, tolerance(out, { sumOf: k, scale: Math.max(1, largest(want)), exponent: gated ? 8 : 0 }));
}

/** Kept as long as the process: Dawn crashes when it is collected before what was made of it. */
const nullGpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);

describe('linear on tensor cores', () => {
  for (const format of weightFormats.filter((one) => one !== 'f32'))
    it(`compiles with ${format} weights where the instructions exist`, async () => {
      const adapter = await nullGpu.requestAdapter();
      const requiredFeatures = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'] as GPUFeatureName[];
      const device = await adapter!.requestDevice({ requiredFeatures });
      const kernel = new Kernel('linear-matrix', source);
      for (const out of ['f32', 'f16'] as const) {
        const codec = codecOf({ format } as Parameters<typeof codecOf>[0]);
        const code = kernel.text({ types: { act: 'f16', out }, constants: {}, codec });
        const module = device.createShaderModule({ code });
        const { messages } = await module.getCompilationInfo();
        expect(messages.map(({ message }) => message)).to.deep.equal([]);
      }
      device.destroy();
    });

  itOn(['f16', 'subgroups'], 'multiplies tiles, and what is left at their edges', async () => {
    for (const [rows, k, n] of [
      [1, 1, 1],
      [5, 33, 17],
      [130, 40, 131],
    ] as const)
      await check({ rows, k, n, period: rows });
  });

  itOn(['f16', 'subgroups'], 'reads bf16 weights, repeats a residual, and rounds its result once', () =>
    check({ rows: 20, k: 64, n: 40, format: 'bf16', out: 'f16', period: 5 }),
  );

  itOn(['f16', 'subgroups'], 'gates what the other half lets through', async () => {
    for (const n of [2, 66, 300]) await check({ rows: 9, k: 36, n, gated: true });
  });
});
