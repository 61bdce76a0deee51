import type { DeviceContext } from '../engine/device-context.ts';
import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import { expectShape, type Tensor } from '../engine/tensor.ts';
import { swiglu } from './activation.ts';
import { codecOf } from './codec/index.ts';
import { ceilDiv, expectDType, floatDType } from './grid.ts';
import tileSource from './linear/linear.wgsl';
import matrixSource from './linear/linear-matrix.wgsl';
import rowSource from './linear/linear-row.wgsl';
import subgroupSource from './software/linear-subgroup.wgsl';
import type { Weight, WeightFormat } from './weight.ts';

const onSubgroups = new Kernel('linear-subgroup', subgroupSource);

/** One computation, five ways to share its work out, with the rows and columns of y that a workgroup makes. */
const kernels = {
  tile: { kernel: new Kernel('linear', tileSource), rows: 64, columns: 32 },
  matrix: { kernel: new Kernel('linear-matrix', matrixSource), rows: 128, columns: 128 },
  row: { kernel: new Kernel('linear-row', rowSource), rows: 1, columns: 8 },
  subgroup: { kernel: onSubgroups, rows: 8, columns: 128 },
  subgroupRow: { kernel: onSubgroups, rows: 1, columns: 128 },
};

/** A linear layer's parameters as a model holds them. */
export interface LinearWeights {
  /** `[n, k]`. */
  readonly weight: Weight;
  /** `[n]`, f32. */
  readonly bias?: Tensor | undefined;
}

/** What becomes of the product. */
export interface LinearOptions {
  /** dtype of the result; default f32. */
  readonly out?: 'f32' | 'f16';
  /** `[period, n]` f32, added to the result; repeats where it has fewer rows than `x`. */
  readonly residual?: Tensor;
  /** `[rows, n]`, dtype `out`: where the result is written instead of a tensor of its own. */
  readonly into?: Tensor;
  readonly plan?: LinearPlan | undefined;
}

/** Up to this many rows, a GPU multiplies each on its own. */
const FEW_ROWS = 4;

/** How a multiplication is shared out; chosen by adapter and rows unless a test asks for one. */
export type LinearPlan = keyof typeof kernels;

/** The plans that an adapter can run on activations and a weight. */
export function linearPlans(runtime: DeviceContext, act: 'f32' | 'f16', format: WeightFormat): LinearPlan[] {
  const all = Object.keys(kernels) as LinearPlan[];
  return all.filter((plan) => {
    if (plan === 'matrix') return runtime.hasMatrices && act === 'f16' && format !== 'f32';
    return kernels[plan].kernel !== onSubgroups || runtime.subgroupSize >= 4;
  });
}

function planFor(runtime: DeviceContext, x: Tensor, { format }: Weight): LinearPlan {
  const [rows] = x.shape2();
  if (runtime.adapterKind === 'software' && runtime.subgroupSize >= 4) return rows === 1 ? 'subgroupRow' : 'subgroup';
  if (rows <= FEW_ROWS) return 'row';
  return linearPlans(runtime, x.dtype === 'f16' ? 'f16' : 'f32', format).includes('matrix') ? 'matrix' : 'tile';
}

/**
 * Linear layer `x weight^T + bias + residual`. Sums are f32.
 *
 * A weight of several parts is multiplied part by part.
 *
 * @param x - `[rows, k]`, f32 or f16.
 * @returns `[rows, n]`, dtype `options.out`.
 * @throws ShapeError if weight, bias or residual do not fit `x`.
 */
export function linear(rec: Recorder, x: Tensor, { weight, bias }: LinearWeights, options: LinearOptions = {}): Tensor {
  const [rows, k] = x.shape2();
  const { rows: n, columns } = weight;
  if (columns !== k) throw new ShapeError(`linear: weight must be [${n}, ${k}], got ${weight.parts[0]}.`);
  if (bias) expectShape('linear', 'bias', bias, [n]);
  const { residual, out = 'f32' } = options;
  if (residual && residual.shape2()[1] !== n)
    throw new ShapeError(`linear: residual must be [*, ${n}], got ${residual}.`);
  if (residual) expectDType('linear', 'residual', residual, 'f32');

  const y = options.into ?? rec.empty('linear', [rows, n], out);
  expectShape('linear', 'into', y, [rows, n]);
  expectDType('linear', 'into', y, out);
  let column = 0;
  for (const part of weight.parts) {
    multiply(rec, x, part, y, { weight, bias, residual, column, plan: options.plan });
    column += part.shape[0] ?? 0;
  }
  return y;
}

/**
 * Gated linear layer `silu(x gate^T) * (x up^T)` (SwiGLU; Shazeer 2020), in one pass unless the weight has several parts.
 *
 * @param x - `[rows, k]`, f32 or f16.
 * @param weight - `[2 * n, k]`: gate, then up.
 * @returns `[rows, n]`, f32: the product has outliers beyond what f16 holds.
 * @throws ShapeError if the weight does not fit `x` or has an odd number of rows.
 */
export function gatedLinear(rec: Recorder, x: Tensor, weight: Weight, plan?: LinearPlan): Tensor {
  const [rows, k] = x.shape2();
  const [part, ...more] = weight.parts;
  if (weight.columns !== k || weight.rows % 2 !== 0)
    throw new ShapeError(`gatedLinear: weight must be [2 * n, ${k}], got [${weight.rows}, ${weight.columns}].`);
  if (!part || more.length > 0) return swiglu(rec, linear(rec, x, { weight }, { plan }));
  const y = rec.empty('gated', [rows, weight.rows / 2], 'f32');
  multiply(rec, x, part, y, { weight, plan, gated: true });
  return y;
}

interface Multiplication {
  readonly weight: Weight;
  readonly bias?: Tensor | undefined;
  readonly residual?: Tensor | undefined;
  /** Of `y`, where the part's first row goes. */
  readonly column?: number;
  readonly gated?: boolean;
  readonly plan?: LinearPlan | undefined;
}

/** One part of a weight. */
function multiply(rec: Recorder, x: Tensor, part: Tensor, y: Tensor, options: Multiplication): void {
  const { weight, bias, residual, column = 0, gated = false } = options;
  const [rows, k] = x.shape2();
  const [n = 0] = part.shape;
  const { kernel, ...tile } = kernels[options.plan ?? planFor(rec.runtime, x, weight)];
  const given = { HAS_BIAS: Number(bias !== undefined), HAS_RESIDUAL: Number(residual !== undefined) };
  const shape = kernel === onSubgroups ? { ROWS: tile.rows, LANES: rec.runtime.subgroupSize < 8 ? 4 : 8 } : {};
  rec.dispatch(kernel, {
    // Where there is no bias or residual, the override keeps the kernel from reading what stands in for it.
    operands: { x, weight: part, bias: bias ?? x, residual: residual ?? x, y },
    params: { rows, n, k, stride: y.shape2()[1], column, period: residual?.shape2()[0] ?? 1 },
    constants: { ...given, GATED: Number(gated), ...shape },
    types: { act: floatDType('linear', 'x', x), out: floatDType('linear', 'into', y) },
    codec: codecOf(weight),
    workgroups: [ceilDiv(n, tile.columns), ceilDiv(rows, tile.rows)],
  });
}
