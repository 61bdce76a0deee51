import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import { bytesOf, expectShape, type Tensor } from '../engine/tensor.ts';
import { codecOf } from './codec/index.ts';
import { activation, expectDType, groups } from './grid.ts';
import tileSource from './linear.wgsl';
import rowSource from './linear-row.wgsl';
import subgroupSource from './linear-subgroup.wgsl';

/** One computation, three ways to share its work out, with the rows and columns of y that a workgroup makes. */
const kernels = {
  tile: { kernel: new Kernel('linear', tileSource), rows: 32, columns: 32 },
  subgroup: { kernel: new Kernel('linear-subgroup', subgroupSource), rows: 8, columns: 128 },
  row: { kernel: new Kernel('linear-row', rowSource), rows: 1, columns: 8 },
};

/** A linear layer's parameters as a model holds them. */
export interface LinearWeights {
  /** `[n, k]` in f32, bf16 or f16; rows of odd length are padded with one zero (the last axis is then k + 1). */
  readonly weight: Tensor;
  /** `[n]`, f32. */
  readonly bias?: Tensor | undefined;
}

export interface LinearOptions {
  /** dtype of the result; default f32. */
  readonly out?: 'f32' | 'f16';
  /** `[period, n]` f32, added to the result; repeats where it has fewer rows than `x`. */
  readonly residual?: Tensor;
  readonly plan?: LinearPlan;
}

/** Up to this many rows, a GPU multiplies each on its own. */
const FEW_ROWS = 4;

/** How a multiplication is shared out; chosen by adapter and rows unless a test asks for one. */
export type LinearPlan = keyof typeof kernels;

function planFor(rec: Recorder, rows: number): LinearPlan {
  const { adapterKind, hasSubgroups } = rec.runtime;
  if (adapterKind === 'software' && hasSubgroups) return 'subgroup';
  return rows <= FEW_ROWS ? 'row' : 'tile';
}

/**
 * Linear layer `x weight^T + bias + residual`. Sums are f32.
 *
 * A weight larger than the adapter can bind is multiplied in parts of its rows.
 *
 * @param x - `[rows, k]`, f32 or f16.
 * @returns `[rows, n]`, dtype `options.out`.
 * @throws ShapeError if weight, bias or residual do not fit `x`.
 */
export function linear(rec: Recorder, x: Tensor, { weight, bias }: LinearWeights, options: LinearOptions = {}): Tensor {
  const [rows, k] = x.shape2();
  const [n, padded] = weight.shape2();
  if (padded !== k + (k % 2)) throw new ShapeError(`linear: weight must be [${n}, ${k + (k % 2)}], got ${weight}.`);
  if (bias) expectShape('linear', 'bias', bias, [n]);
  const { residual, out = 'f32' } = options;
  const period = residual?.shape2()[0] ?? 1;
  if (residual && residual.shape2()[1] !== n)
    throw new ShapeError(`linear: residual must be [*, ${n}], got ${residual}.`);
  if (residual) expectDType('linear', 'residual', residual, 'f32');

  const y = rec.empty('linear', [rows, n], out);
  const { kernel, ...tile } = kernels[options.plan ?? planFor(rec, rows)];
  for (const { start, count } of bindableRows('linear', weight, rec.runtime.maxBindingBytes))
    rec.dispatch(kernel, {
      // Where there is no bias or residual, the override keeps the kernel from reading what stands in for it.
      operands: { x, weight: weight.rows(start, count), bias: bias ?? x, residual: residual ?? x, y },
      params: { rows, n: count, k, stride: n, column: start, period },
      constants: { HAS_BIAS: Number(bias !== undefined), HAS_RESIDUAL: Number(residual !== undefined) },
      types: { act: activation('linear', 'x', x), out },
      codec: codecOf(weight),
      workgroups: [groups(count, tile.columns), groups(rows, tile.rows)],
    });
  return y;
}

/** Runs of a weight's rows that a kernel can bind: each starts at a multiple of the storage alignment. */
export function* bindableRows(
  op: string,
  weight: Tensor,
  maxBytes: number,
): Generator<{ start: number; count: number }> {
  const [n, width] = weight.shape2();
  const rowBytes = width * bytesOf[weight.dtype];
  if (n * rowBytes <= maxBytes) return yield { start: 0, count: n };
  let step = 1; // rows whose bytes are a multiple of 256
  while ((step * rowBytes) % 256 !== 0) step *= 2;
  const most = Math.floor(maxBytes / (step * rowBytes)) * step;
  if (most === 0)
    throw new ShapeError(`${op}: ${step} rows of ${weight} are more than the ${maxBytes} bytes a kernel can bind.`);
  for (let start = 0; start < n; start += most) yield { start, count: Math.min(most, n - start) };
}
