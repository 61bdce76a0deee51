import { ShapeError } from '../engine/errors.ts';
import { type Codec, Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import source from './attention/attention.wgsl';
import decodeSource from './attention/attention-decode.wgsl';
import joinSource from './attention/attention-join.wgsl';
import matrixSource from './attention/attention-matrix.wgsl';
import rowSource from './attention/attention-row.wgsl';
import tileSource from './attention/attention-tile.wgsl';
import { type AttentionPlan, attentionPlan } from './attention/plans.ts';
import { together, vec8Of } from './codec/codec.ts';
import { ceilDiv, expectDType, expectOneDType, floatDType } from './grid.ts';
import { fixedSize, matrixPart, matrixShape } from './matrix.ts';
import type { HeadLayout } from './rope.ts';
import subgroupSource from './software/attention-subgroup.wgsl';

export { type AttentionJob, type AttentionPlan, attentionPlan, attentionPlans } from './attention/plans.ts';

const checkedKernel = new Kernel('attention', source);
const tileKernel = new Kernel('attention-tile', tileSource);
const matrixKernel = new Kernel('attention-matrix', matrixSource);
const decodeKernel = new Kernel('attention-decode', decodeSource);
const rowKernel = new Kernel('attention-row', rowSource);
const joinKernel = new Kernel('attention-join', joinSource);
const subgroupKernel = new Kernel('attention-subgroup', subgroupSource);

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

/** Query rows of a workgroup. */
const rowsAtOnce = { checked: 16, subgroup: 16, tile: 64 } as const;

/** Keys that a workgroup of `row` or `decode` scores at a time. */
const KEYS_AT_ONCE = 64;

/** Query heads that a workgroup of `decode` takes at most. */
const MOST_HEADS = 8;

/** Workgroups that shared keys aim at: a few for each core of a large GPU. */
const MANY_WORKGROUPS = 512;

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

  const computeDtype = floatDType('attention', 'q', q.of);
  const widths = [headDim, qStride, q.column, kStride, k.column, vStride, v.column];
  const job = { computeDtype, rows: allRows, keys, headDim, vectors: widths.every((width) => width % 8 === 0) };
  const plan = options.plan ?? attentionPlan(rec.runtime, job);
  if (!plan)
    throw new ShapeError(
      `attention: heads of ${headDim} in ${computeDtype} are not built for ${rec.runtime.adapterName}, only up to 128, and in f16 to 256.`,
    );
  const y = rec.empty('attention', [allRows, heads * headDim], q.of.dtype);
  const group = heads / kvHeads;
  const columns = { qStride, qColumn: q.column, kStride, kColumn: k.column, vStride, vColumn: v.column };
  const strides = { ...columns, headStride: headDim, yStride: heads * headDim };
  run[plan](rec, {
    operands: { q: q.of, k: k.of, v: v.of, y },
    // Where segments are even, the override keeps the kernel from reading what stands in for their starts.
    starts: uneven?.starts ?? k.of,
    masks: { CAUSAL: Number(causal), UNEVEN: Number(uneven !== undefined) },
    strides,
    sizes: { rows, keys, group, scale: 1 / Math.sqrt(headDim) },
    layout: { heads, group, headDim },
    computeDtype,
    perSegment: uneven?.longest ?? rows,
    count: uneven ? uneven.starts.size - 1 : segments,
  });
  return y;
}

/** What a kernel finds heads by, in elements. */
type Stride = 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'vStride' | 'vColumn' | 'headStride' | 'yStride';

/** Everything that a plan makes dispatches of. */
interface Attending {
  readonly operands: Readonly<Record<'q' | 'k' | 'v' | 'y', Tensor>>;
  readonly starts: Tensor;
  readonly masks: { readonly CAUSAL: number; readonly UNEVEN: number };
  readonly strides: Readonly<Record<Stride, number>>;
  readonly sizes: Readonly<Record<'rows' | 'keys' | 'group' | 'scale', number>>;
  readonly layout: { readonly heads: number; readonly group: number; readonly headDim: number };
  readonly computeDtype: 'f32' | 'f16';
  /** Rows of the longest segment, and how many segments there are. */
  readonly perSegment: number;
  readonly count: number;
}

const run: Readonly<Record<AttentionPlan, (rec: Recorder, job: Attending) => void>> = {
  row: (rec, job) => attendRow(rec, job),
  split: attendSplit,
  decode,
  subgroup: attendOnSubgroups,
  checked: (rec, job) =>
    rec.dispatch(checkedKernel, {
      ...inScalars(job),
      constants: { HEAD_DIM: job.layout.headDim, ...job.masks },
      workgroups: [ceilDiv(job.perSegment, rowsAtOnce.checked), job.layout.heads, job.count],
    }),
  tile: (rec, job) =>
    rec.dispatch(tileKernel, {
      ...inVectors(job),
      workgroups: [ceilDiv(job.perSegment, rowsAtOnce.tile), job.layout.heads, job.count],
    }),
  matrix: (rec, job) => {
    const shape = matrixShape(rec.runtime);
    if (!shape) throw new ShapeError(`attention: ${rec.runtime.adapterName} multiplies no matrices.`);
    rec.dispatch(matrixKernel, {
      ...inVectors(job, matrixPart(shape)),
      subgroupSize: fixedSize(rec.runtime, shape),
      workgroups: [ceilDiv(job.perSegment, 8 * shape.m), job.layout.heads, job.count],
    });
  },
};

/** A head's size as a constant of the text, which sizes of arrays can be made of. */
function headPart(headDim: number): Codec {
  return { name: `head-${headDim}`, source: `const HEAD_DIM = ${headDim}u;\n` };
}

/** What kernels that read one number at a time have in common. */
function inScalars({ operands, starts, strides, sizes, computeDtype }: Attending) {
  return { operands: { ...operands, starts }, params: { ...sizes, ...strides }, types: { computeDtype } };
}

/** What kernels that read vectors have in common. */
function inVectors({ operands, starts, masks, strides, sizes, layout }: Attending, ...parts: readonly Codec[]) {
  const eighths = Object.fromEntries(Object.entries(strides).map(([name, value]) => [name, value / 8]));
  return {
    operands: { ...operands, starts },
    params: { ...sizes, ...(eighths as typeof strides) },
    constants: masks,
    types: { computeDtype: 'f16' },
    codec: together(vec8Of('f16'), headPart(layout.headDim), ...parts),
  } as const;
}

/** Keys of a part where a single row's are shared out among so many workgroups a part. */
function spanOf(keys: number, workgroups: number): number {
  return KEYS_AT_ONCE * ceilDiv(keys, KEYS_AT_ONCE * ceilDiv(MANY_WORKGROUPS, workgroups));
}

/** One row: all keys, or `span` of them a workgroup, whose sums then go into `partial`. */
function attendRow(rec: Recorder, job: Attending, split?: { readonly span: number; readonly partial: Tensor }): void {
  const { masks, sizes, layout, computeDtype } = job;
  const { operands, params } = inScalars(job);
  rec.dispatch(rowKernel, {
    operands: { ...operands, y: split?.partial ?? operands.y },
    params: { ...params, rows: split?.span ?? sizes.keys },
    constants: { HEAD_DIM: layout.headDim, ...masks, PARTIAL: Number(split !== undefined) },
    types: { computeDtype, out: split ? 'f32' : computeDtype },
    workgroups: [layout.heads, split ? ceilDiv(sizes.keys, split.span) : 1],
  });
}

function attendSplit(rec: Recorder, job: Attending): void {
  const { heads, headDim } = job.layout;
  const { keys } = job.sizes;
  const span = spanOf(keys, heads);
  const partial = rec.empty('attention parts', [heads * ceilDiv(keys, span), headDim + 2], 'f32');
  attendRow(rec, job, { span, partial });
  join(rec, job, partial);
}

/** Adds up what the parts of the keys of one row have made. */
function join(rec: Recorder, { operands, layout, computeDtype }: Attending, partial: Tensor): void {
  const { heads, headDim } = layout;
  rec.dispatch(joinKernel, {
    operands: { partial, y: operands.y },
    params: { parts: partial.shape2()[0] / heads },
    constants: { HEAD_DIM: headDim },
    types: { computeDtype },
    workgroups: [heads],
  });
}

function decode(rec: Recorder, job: Attending): void {
  const { heads, group, headDim } = job.layout;
  const { keys } = job.sizes;
  // Heads that share keys, as many as a workgroup takes.
  let together = Math.min(group, MOST_HEADS);
  while (group % together !== 0) together--;
  const span = spanOf(keys, heads / together);
  const parts = ceilDiv(keys, span);
  const partial = rec.empty('attention parts', [heads * parts, headDim + 2], 'f32');
  const { operands, params, ...rest } = inVectors(job);
  rec.dispatch(decodeKernel, {
    ...rest,
    operands: { ...operands, y: partial },
    params: { ...params, rows: span },
    constants: { ...rest.constants, HEADS: together },
    types: { ...rest.types, out: 'f32' },
    workgroups: [heads / together, parts],
  });
  join(rec, job, partial);
}

function attendOnSubgroups(rec: Recorder, job: Attending): void {
  const { heads, group, headDim } = job.layout;
  // Of a single row, the heads that share keys are taken as rows: their keys are loaded once for all of them.
  const headsAsRows = job.sizes.rows * job.count === 1;
  const { params, ...shared } = inScalars(job);
  const across = { rows: group, group: 1, qStride: headDim, yStride: headDim, headStride: group * headDim };
  rec.dispatch(subgroupKernel, {
    ...shared,
    params: headsAsRows ? { ...params, ...across } : params,
    constants: {
      ...(headsAsRows ? { CAUSAL: 0, UNEVEN: 0 } : job.masks),
      LANES: rec.runtime.subgroupSize < 8 ? 4 : 8,
    },
    codec: headPart(headDim),
    workgroups: headsAsRows
      ? [ceilDiv(group, rowsAtOnce.subgroup), heads / group]
      : [ceilDiv(job.perSegment, rowsAtOnce.subgroup), heads, job.count],
  });
}
