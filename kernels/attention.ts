import type { DeviceContext } from '../engine/device-context.ts';
import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import source from './attention/attention.wgsl';
import joinSource from './attention/attention-join.wgsl';
import rowSource from './attention/attention-row.wgsl';
import { ceilDiv, expectDType, expectOneDType, floatDType } from './grid.ts';
import type { HeadLayout } from './rope.ts';
import subgroupSource from './software/attention-subgroup.wgsl';

const tileKernel = new Kernel('attention', source);
const rowKernel = new Kernel('attention-row', rowSource);
const joinKernel = new Kernel('attention-join', joinSource);
const subgroupKernel = new Kernel('attention-subgroup', subgroupSource);

/**
 * How attention is shared out: `row` is for a single one, `split` too, with each head's keys shared out. Chosen by adapter,
 * rows and keys unless a test asks for one.
 */
export type AttentionPlan = 'tile' | 'row' | 'split' | 'subgroup';

/** Columns `column` to `column + heads * headDim` of a matrix, so that fused rows need no split. */
export interface HeadColumns {
  readonly of: Tensor;
  readonly column: number;
}

/** Independent sequences of lengths of their own, one after the other. */
export interface UnevenSegments {
  /** `[count + 1]`, u32: the row at which each begins, and the end of the last. None is empty. */
  readonly starts: Tensor;
  /** Rows of the longest. */
  readonly longest: number;
}

export interface AttentionOptions extends HeadLayout {
  /** Whether row r sees only the keys up to its own: the rows are the last ones of the keys. */
  readonly causal: boolean;
  /**
   * Independent sequences, one after the other: how many of equal length (the frames of a video), or where each begins, of
   * queries as of keys (windows of a picture). Default 1.
   */
  readonly segments?: number | UnevenSegments;
  readonly plan?: AttentionPlan;
}

/** Head sizes up to this are built; the kernel keeps a row of the result in registers. */
const MAX_HEAD_DIM = 128;

/** Query rows of a workgroup of `tile` and `subgroup`. */
const ROWS_AT_ONCE = 16;

/** Keys that a workgroup of `row` scores at a time. */
const KEYS_AT_ONCE = 64;

/** Workgroups that `split` aims at, a few for each core of a large GPU, and how many keys make it worth a second kernel. */
const MANY_WORKGROUPS = 512;
const MANY_KEYS = 512;

/** The plans that an adapter can run for so many rows, and heads of a size. */
export function attentionPlans({ subgroupSize }: DeviceContext, rows: number, headDim: number): AttentionPlan[] {
  const plans: AttentionPlan[] = rows === 1 ? ['tile', 'row', 'split'] : ['tile'];
  return subgroupSize >= 4 && headDim % 4 === 0 ? [...plans, 'subgroup'] : plans;
}

function planFor(runtime: DeviceContext, rows: number, keys: number, headDim: number): AttentionPlan {
  const { adapterKind } = runtime;
  if (adapterKind === 'software' && attentionPlans(runtime, rows, headDim).includes('subgroup')) return 'subgroup';
  if (rows > 1) return 'tile';
  return adapterKind === 'gpu' && keys >= MANY_KEYS ? 'split' : 'row';
}

/**
 * Softmax attention with `1 / sqrt(headDim)`, without a rows x keys matrix in memory. Grouped-query where there are
 * fewer `kvHeads` than `heads`.
 *
 * @param q - `[segments * rows, *]`, f32 or f16; `[rows of all segments, *]` where these are uneven.
 * @param k - `[segments * keys, *]`, dtype of `q`.
 * @param v - `[segments * keys, *]`, dtype of `q`.
 * @returns `[segments * rows, heads * headDim]`, dtype of `q`. Scores and sums are f32.
 * @throws ShapeError if the heads do not fit the operands.
 * @see Dao et al. 2022 (FlashAttention), algorithm 1; Dao et al. 2023 (Flash-Decoding); Ainslie et al. 2023 (grouped queries).
 */
export function attention(
  rec: Recorder,
  q: HeadColumns,
  k: HeadColumns,
  v: HeadColumns,
  options: AttentionOptions,
): Tensor {
  const { heads, kvHeads, headDim, causal } = options;
  const uneven = typeof options.segments === 'object' ? options.segments : undefined;
  const segments = typeof options.segments === 'number' ? options.segments : 1;
  expectOneDType('attention', q.of, k.of, v.of);
  const [allRows, qStride] = q.of.shape2();
  const [allKeys, kStride] = k.of.shape2();
  const [, vStride] = v.of.shape2();
  if (heads % kvHeads !== 0) throw new ShapeError(`attention: ${heads} heads cannot share ${kvHeads} key heads.`);
  if (headDim > MAX_HEAD_DIM)
    throw new ShapeError(`attention: heads of ${headDim} are not built, only up to ${MAX_HEAD_DIM}.`);
  const fits =
    q.column + heads * headDim <= qStride &&
    k.column + kvHeads * headDim <= kStride &&
    v.column + kvHeads * headDim <= vStride;
  if (!fits || allRows % segments !== 0 || allKeys % segments !== 0)
    throw new ShapeError(`attention: ${heads}/${kvHeads} heads of ${headDim} do not fit ${q.of}, ${k.of}, ${v.of}.`);
  if (uneven && allRows !== allKeys)
    throw new ShapeError(`attention: segments need as many keys as rows, got ${q.of}, ${k.of}.`);
  if (uneven) expectDType('attention', 'starts', uneven.starts, 'u32');
  const rows = allRows / segments;
  const keys = allKeys / segments;
  if (causal && rows > keys) throw new ShapeError(`attention: ${rows} causal rows need as many keys, got ${k.of}.`);

  const y = rec.empty('attention', [allRows, heads * headDim], q.of.dtype);
  const columns = { qColumn: q.column, kStride, kColumn: k.column, vStride, vColumn: v.column };
  const group = heads / kvHeads;
  const shared = { keys, scale: 1 / Math.sqrt(headDim), ...columns };
  const operands = { q: q.of, k: k.of, v: v.of, y };
  // Where segments are even, the override keeps the kernel from reading what stands in for their starts.
  const segmented = { ...operands, starts: uneven?.starts ?? k.of };
  const perSegment = uneven?.longest ?? rows;
  const count = uneven ? uneven.starts.size - 1 : segments;
  const types = { act: floatDType('attention', 'q', q.of) };
  const constants = { HEAD_DIM: headDim };
  const masks = { CAUSAL: Number(causal), UNEVEN: Number(uneven !== undefined) };
  const plan = options.plan ?? planFor(rec.runtime, allRows, keys, headDim);
  if (plan === 'row') {
    const params = { ...shared, span: keys, group };
    rec.dispatch(rowKernel, { operands, params, constants, types: { ...types, out: types.act }, workgroups: [heads] });
  } else if (plan === 'split') {
    const span = KEYS_AT_ONCE * ceilDiv(keys, KEYS_AT_ONCE * ceilDiv(MANY_WORKGROUPS, heads));
    const parts = ceilDiv(keys, span);
    const partial = rec.empty('attention parts', [heads * parts, headDim + 2], 'f32');
    rec.dispatch(rowKernel, {
      operands: { ...operands, y: partial },
      params: { ...shared, span, group },
      constants: { ...constants, PARTIAL: 1 },
      types: { ...types, out: 'f32' },
      workgroups: [heads, parts],
    });
    rec.dispatch(joinKernel, { operands: { partial, y }, params: { parts }, constants, types, workgroups: [heads] });
  } else if (plan === 'tile') {
    rec.dispatch(tileKernel, {
      operands: segmented,
      params: { ...shared, rows, heads, group, qStride },
      constants: { ...constants, ...masks },
      types,
      workgroups: [ceilDiv(perSegment, ROWS_AT_ONCE), heads, count],
    });
  } else {
    // Of a single row, the heads that share keys are taken as rows: their keys are loaded once for all of them.
    const fold = allRows === 1;
    rec.dispatch(subgroupKernel, {
      operands: segmented,
      params: fold
        ? { ...shared, rows: group, group: 1, qStride: headDim, yStride: headDim, headStride: group * headDim }
        : { ...shared, rows, group, qStride, yStride: heads * headDim, headStride: headDim },
      constants: {
        ...constants,
        ...masks,
        ...(fold && { CAUSAL: 0, UNEVEN: 0 }),
        LANES: rec.runtime.subgroupSize < 8 ? 4 : 8,
      },
      types,
      workgroups: fold ? [ceilDiv(group, ROWS_AT_ONCE), kvHeads] : [ceilDiv(perSegment, ROWS_AT_ONCE), heads, count],
    });
  }
  return y;
}
