import type { DeviceContext } from '../engine/device-context.ts';
import { ShapeError } from '../engine/errors.ts';
import { type Codec, Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import { expectShape, type Tensor } from '../engine/tensor.ts';
import { swiglu } from './activation.ts';
import { codecOf, together, vec8Of, wideCodecOf } from './codec/codec.ts';
import { ceilDiv, expectDType, floatDType } from './grid.ts';
import { laneOf } from './lane/lane.ts';
import halvesSource from './linear/linear-halves.wgsl';
import joinSource from './linear/linear-join.wgsl';
import { type LinearPlan, linearPlan, linearTable, partsOf, wantsHalves } from './linear/plans.ts';
import { fixedSize, matrixPart, matrixShape } from './matrix.ts';
import type { Weight } from './weight.ts';

export { type LinearPlan, linearPlan, linearPlans } from './linear/plans.ts';

const joinKernel = new Kernel('linear-join', joinSource);
const halvesKernel = new Kernel('linear-halves', halvesSource);

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
  /**
   * Whether an `x` in f32 may be rounded to f16, each row divided by a power of two first: no number overflows, and those of a row
   * keep all their places down to 2^-22 of its largest. Plans for GPUs do so, where f16 is faster.
   */
  readonly halves?: boolean;
  readonly plan?: LinearPlan | undefined;
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
  const { residual, out = 'f32', plan } = options;
  if (residual && residual.shape2()[1] !== n)
    throw new ShapeError(`linear: residual must be [*, ${n}], got ${residual}.`);
  if (residual) expectDType('linear', 'residual', residual, 'f32');

  const y = options.into ?? rec.empty('linear', [rows, n], out);
  expectShape('linear', 'into', y, [rows, n]);
  expectDType('linear', 'into', y, out);
  const halves = options.halves ? atFirstUse(() => halvesOf(rec, x)) : undefined;
  let column = 0;
  for (const part of weight.parts) {
    multiply(rec, x, part, y, { weight, bias, residual, column, halves, plan });
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
export function gatedLinear(
  rec: Recorder,
  x: Tensor,
  weight: Weight,
  { plan }: Pick<LinearOptions, 'plan'> = {},
): Tensor {
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
  /** `x` in f16, where it may be rounded. */
  readonly halves?: (() => Tensor) | undefined;
  readonly plan?: LinearPlan | undefined;
}

/** One part of a weight. */
function multiply(rec: Recorder, x: Tensor, part: Tensor, y: Tensor, options: Multiplication): void {
  const { weight, bias, residual, column = 0, gated = false, halves } = options;
  const [rows, k] = x.shape2();
  const [n = 0] = part.shape;
  const computeDtype = halves && weight.format !== 'f32' ? 'f16' : floatDType('linear', 'x', x);
  const plan = options.plan ?? linearPlan(rec.runtime, { computeDtype, format: weight.format, rows, k, n });
  const halved = computeDtype !== x.dtype && wantsHalves(plan);
  const factor = halved && halves ? halves() : x;
  const finish: Finish = { bias, residual, column, gated };
  const parts = partsOf(plan, { rows, k, n });
  if (parts === 1) {
    share(rec, plan, [factor, weight, part], y, { ...finish, halved });
    return;
  }
  const partial = rec.empty('parts of linear', [parts * rows, n], 'f32');
  share(rec, plan, [factor, weight, part], partial, { column: 0, gated: false, halved });
  rec.dispatch(joinKernel, {
    ...finishing(partial, y, finish, { rows, n, k: parts, span: 0 }),
    types: { computeDtype: 'f32', out: floatDType('linear', 'into', y) },
    // There is no weight any more.
    codec: codecOf({ format: 'f32' }),
    workgroups: [ceilDiv(gated ? n / 2 : n, 64), rows],
  });
}

/** What is made when somebody first asks for it, and only once. */
function atFirstUse<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** `[rows, k + 8]` f16: what linear-halves.wgsl makes of `x`. */
function halvesOf(rec: Recorder, x: Tensor): Tensor {
  const [rows, k] = x.shape2();
  const y = rec.empty('halves', [rows, k + 8], 'f16');
  rec.dispatch(halvesKernel, {
    operands: { x, y },
    params: { k },
    types: { computeDtype: 'f32', out: 'f16' },
    codec: laneOf(rec.runtime, 'f16', k).codec,
    workgroups: [rows],
  });
  return y;
}

/** What is done with a finished sum. */
interface Finish {
  readonly bias?: Tensor | undefined;
  readonly residual?: Tensor | undefined;
  readonly column: number;
  readonly gated: boolean;
  /** Whether rows are divided by powers of two, and followed by them. */
  readonly halved?: boolean;
}

/** Operands and parameters that all linear kernels have. */
function finishing(
  x: Tensor,
  y: Tensor,
  { bias, residual, column, gated }: Finish,
  sizes: { readonly rows: number; readonly n: number; readonly k: number; readonly span: number },
  weight = x,
) {
  const has = { HAS_BIAS: Number(bias !== undefined), HAS_RESIDUAL: Number(residual !== undefined) };
  return {
    // Where there is no bias or residual, the override keeps the kernel from reading what stands in for it.
    operands: { x, weight, bias: bias ?? x, residual: residual ?? x, y },
    params: { ...sizes, stride: y.shape2()[1], column, period: residual?.shape2()[0] ?? 1 },
    constants: { ...has, GATED: Number(gated) },
  };
}

/** Runs a plan. `y` has as many times the rows of `x` as k is shared out. */
function share(
  rec: Recorder,
  plan: LinearPlan,
  [x, weight, part]: readonly [Tensor, Weight, Tensor],
  y: Tensor,
  finish: Finish,
): void {
  const { kernel, tile } = linearTable[plan];
  const [rows] = x.shape2();
  const k = weight.columns;
  const [n = 0] = part.shape;
  const computeDtype = floatDType('linear', 'x', x);
  const parts = partsOf(plan, { rows, k, n });
  const span = ceilDiv(k / 8, parts);
  const { constants, ...rest } = finishing(x, y, finish, { rows, n, k, span }, part);
  const shape = plan.startsWith('matrix') ? matrixShape(rec.runtime) : undefined;
  const { columns, ...options } = optionsOf(plan, rec.runtime, n, finish.gated);
  rec.dispatch(kernel, {
    ...rest,
    constants: { ...constants, ...options, ...(finish.halved && { HALVED: 1 }) },
    types: { computeDtype, out: floatDType('linear', 'into', y) },
    codec: textOf(plan, computeDtype, weight, shape && matrixPart(shape)),
    subgroupSize: shape && fixedSize(rec.runtime, shape),
    workgroups: [ceilDiv(n, columns ?? tile.columns), ceilDiv(rows, tile.rows), parts],
  });
}

/** What a plan's text ends with. */
function textOf(plan: LinearPlan, computeDtype: 'f32' | 'f16', weight: Weight, matrix: Codec | undefined): Codec {
  if (!('vectors' in linearTable[plan].needs)) return codecOf(weight);
  return together(vec8Of(computeDtype), wideCodecOf(weight), ...(matrix ? [matrix] : []));
}

/** From so many columns on, lanes of `few` have four of them at once, and there are workgroups enough. */
const MANY_COLUMNS = 4096;

/** Overrides of a plan, and the columns of its workgroups where they hang on the job. */
function optionsOf(plan: LinearPlan, { subgroupSize }: DeviceContext, n: number, gated: boolean) {
  if (plan === 'subgroup' || plan === 'subgroupRow')
    return { ROWS: linearTable[plan].tile.rows, LANES: subgroupSize < 8 ? 4 : 8 };
  if (plan === 'matrixTall') return { ROWS: linearTable[plan].tile.rows };
  if (plan !== 'few') return {};
  const COLUMNS = gated || n >= MANY_COLUMNS ? 4 : 1;
  return { COLUMNS, columns: 4 * COLUMNS };
}
