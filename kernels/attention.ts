import { ShapeError } from '../engine/errors.ts';
import { Kernel } from '../engine/kernel.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import source from './attention.wgsl';
import rowSource from './attention-row.wgsl';
import { activation, expectOneDType, groups } from './grid.ts';
import type { HeadLayout } from './rope.ts';

const kernel = new Kernel('attention', source);
const rowKernel = new Kernel('attention-row', rowSource);

/** Columns `column` to `column + heads * headDim` of a matrix, so that fused rows need no split. */
export interface HeadColumns {
  readonly of: Tensor;
  readonly column: number;
}

export interface AttentionOptions extends HeadLayout {
  /** Whether row r sees only the keys up to its own: the rows are the last ones of the keys. */
  readonly causal: boolean;
  /** Independent sequences of equal length, one after the other (the frames of a video); default 1. */
  readonly segments?: number;
}

/** Head sizes up to this are built; the kernel keeps a row of the result in registers. */
const MAX_HEAD_DIM = 128;

/** Query rows of a workgroup. */
const ROWS_AT_ONCE = 16;

/**
 * Softmax attention with `1 / sqrt(headDim)`, without a rows x keys matrix in memory. Grouped-query where there are
 * fewer `kvHeads` than `heads`.
 *
 * @param q - `[segments * rows, *]`, f32 or f16.
 * @param k - `[segments * keys, *]`, dtype of `q`.
 * @param v - `[segments * keys, *]`, dtype of `q`.
 * @returns `[segments * rows, heads * headDim]`, dtype of `q`. Scores and sums are f32.
 * @throws ShapeError if the heads do not fit the operands.
 * @see Dao et al. 2022 (FlashAttention), algorithm 1; Ainslie et al. 2023 (grouped queries).
 */
export function attention(
  rec: Recorder,
  q: HeadColumns,
  k: HeadColumns,
  v: HeadColumns,
  options: AttentionOptions,
): Tensor {
  const { heads, kvHeads, headDim, causal, segments = 1 } = options;
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
  const rows = allRows / segments;
  const keys = allKeys / segments;
  if (causal && rows > keys) throw new ShapeError(`attention: ${rows} causal rows need as many keys, got ${k.of}.`);

  const y = rec.empty('attention', [allRows, heads * headDim], q.of.dtype);
  const columns = { qColumn: q.column, kStride, kColumn: k.column, vStride, vColumn: v.column };
  const shared = { keys, group: heads / kvHeads, scale: 1 / Math.sqrt(headDim), ...columns };
  const operands = { q: q.of, k: k.of, v: v.of, y };
  const types = { act: activation('attention', 'q', q.of) };
  if (allRows === 1)
    rec.dispatch(rowKernel, {
      operands,
      params: shared,
      constants: { HEAD_DIM: headDim },
      types,
      workgroups: [heads],
    });
  else
    rec.dispatch(kernel, {
      operands,
      params: { ...shared, rows, heads, qStride },
      constants: { HEAD_DIM: headDim, CAUSAL: Number(causal) },
      types,
      workgroups: [groups(rows, ROWS_AT_ONCE), heads, segments],
    });
  return y;
}
