import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import { expectShape, type Tensor } from '../engine/tensor.ts';
import { codecOf } from './codec/index.ts';
import { activation, expectDType, groups } from './grid.ts';
import tileSource from './linear.wgsl';
import rowSource from './linear-row.wgsl';
import subgroupSource from './linear-subgroup.wgsl';
import type { Weight } from './weight.ts';

/** One computation, three ways to share its work out, with the rows and columns of y that a workgroup makes. */
const kernels = {
  tile: { kernel: new Kernel('linear', tileSource), rows: 64, columns: 32 },
  subgroup: { kernel: new Kernel('linear-subgroup', subgroupSource), rows: 8, columns: 128 },
  row: { kernel: new Kernel('linear-row', rowSource), rows: 1, columns: 8 },
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
  readonly plan?: LinearPlan;
}

/** Up to this many rows, a GPU multiplies each on its own. */
const FEW_ROWS = 4;

/** How a multiplication is shared out; chosen by adapter and rows unless a test asks for one. */
export type LinearPlan = keyof typeof kernels;

/** The plans that an adapter can run. */
export function linearPlans({ hasSubgroups }: Runtime): LinearPlan[] {
  const all = Object.keys(kernels) as LinearPlan[];
  return all.filter((plan) => plan !== 'subgroup' || hasSubgroups);
}

function planFor(rec: Recorder, rows: number): LinearPlan {
  const { adapterKind, hasSubgroups } = rec.runtime;
  if (adapterKind === 'software' && hasSubgroups) return 'subgroup';
  return rows <= FEW_ROWS ? 'row' : 'tile';
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
  const period = residual?.shape2()[0] ?? 1;
  if (residual && residual.shape2()[1] !== n)
    throw new ShapeError(`linear: residual must be [*, ${n}], got ${residual}.`);
  if (residual) expectDType('linear', 'residual', residual, 'f32');

  const y = options.into ?? rec.empty('linear', [rows, n], out);
  expectShape('linear', 'into', y, [rows, n]);
  expectDType('linear', 'into', y, out);
  const { kernel, ...tile } = kernels[options.plan ?? planFor(rec, rows)];
  let column = 0;
  for (const part of weight.parts) {
    const [count = 0] = part.shape;
    rec.dispatch(kernel, {
      // Where there is no bias or residual, the override keeps the kernel from reading what stands in for it.
      operands: { x, weight: part, bias: bias ?? x, residual: residual ?? x, y },
      params: { rows, n: count, k, stride: n, column, period },
      constants: { HAS_BIAS: Number(bias !== undefined), HAS_RESIDUAL: Number(residual !== undefined) },
      types: { act: activation('linear', 'x', x), out },
      codec: codecOf(weight),
      workgroups: [groups(count, tile.columns), groups(rows, tile.rows)],
    });
    column += count;
  }
  return y;
}
