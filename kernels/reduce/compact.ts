/** Who survives, and the rows that do, close together. */
import { ShapeError } from '../../engine/errors.ts';
import { Kernel } from '../../engine/kernel.ts';
import type { Recorder } from '../../engine/recorder.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { ceilDiv, floatDType } from '../grid.ts';
import compactSource from './compact.wgsl';
import gatherSource from './gather.wgsl';
import scanSource from './scan.wgsl';
import survivorsSource from './survivors.wgsl';

const survivorsKernel = new Kernel('survivors', survivorsSource);
const scanKernel = new Kernel('scan', scanSource);
const compactKernel = new Kernel('compact', compactSource);
const gatherKernel = new Kernel('gather', gatherSource);

/** Which rows survive, and where they go: flags and prefix sums, `[rows + tokens]`, first by row, then by rank. */
export interface Survivors {
  readonly keep: Tensor;
  readonly slot: Tensor;
}

/**
 * Survivors of a merge: all rows but the chosen tokens.
 *
 * @param layout - `[3, rows]`, u32.
 * @param chosen - `[tokens]`, u32 by rank: 1 for a token that goes into the one before it.
 */
export function survivorsOfMerge(rec: Recorder, layout: Tensor, chosen: Tensor): Survivors {
  return survivors(rec, layout, chosen, chosen.size, { merge: true, first: 0 });
}

/**
 * Survivors of pruning: among the rows `first` .. `first + chosen.size` the chosen ones, and all other rows.
 *
 * @param layout - `[3, rows]`, u32.
 * @param tokens - Video tokens among the rows.
 */
export function survivorsOfPruning(
  rec: Recorder,
  layout: Tensor,
  tokens: number,
  chosen: Tensor,
  first: number,
): Survivors {
  return survivors(rec, layout, chosen, tokens, { merge: false, first });
}

function survivors(
  rec: Recorder,
  layout: Tensor,
  chosen: Tensor,
  tokens: number,
  { merge, first }: { merge: boolean; first: number },
): Survivors {
  const rows = layout.shape[1] ?? 0;
  const keep = rec.empty('keep', [rows + tokens], 'u32');
  const slot = rec.empty('slot', [rows + tokens], 'u32');
  rec.dispatch(survivorsKernel, {
    operands: { planes: layout, chosen, keep },
    params: { rows, first, candidates: chosen.size },
    constants: { MERGE: Number(merge) },
    workgroups: [ceilDiv(rows, 64)],
  });
  rec.dispatch(scanKernel, {
    operands: { keep, slot },
    params: { first: rows, second: tokens },
    workgroups: [2],
  });
  return { keep, slot };
}

/** The rows of a sequence that reduction moves together. */
export interface Rows {
  /** `[rows, dim]`, f32 or f16. */
  readonly hidden: Tensor;
  /** `[rows]`, u32. */
  readonly position: Tensor;
  /** `[3, rows]`, u32: planes patch, rank, order. */
  readonly layout: Tensor;
}

/**
 * Writes the surviving rows close together: hidden states, positions and layout in one dispatch.
 *
 * @param counts - `tokens`: video tokens among the rows; `kept`: surviving rows; `merge`: whether a survivor becomes
 *   the plain mean of itself and the removed tokens that follow it by rank.
 * @returns Rows of length `kept`.
 * @see FrameFusion main.py, merge_tokens_and_get_mask.
 */
export function compact(
  rec: Recorder,
  { hidden, position, layout }: Rows,
  { keep, slot }: Survivors,
  { tokens, kept, merge }: { readonly tokens: number; readonly kept: number; readonly merge: boolean },
): Rows {
  const [rows, dim] = hidden.shape2();
  const out = {
    hidden: rec.empty('hidden', [kept, dim], hidden.dtype),
    position: rec.empty('position', [kept], 'u32'),
    layout: rec.empty('layout', [3, kept], 'u32'),
  };
  rec.dispatch(compactKernel, {
    operands: {
      hidden,
      position,
      planes: layout,
      keep,
      slot,
      hiddenOut: out.hidden,
      positionOut: out.position,
      planesOut: out.layout,
    },
    params: { dim, rows, tokens, kept },
    constants: { MERGE: Number(merge) },
    types: { act: floatDType('compact', 'hidden', hidden) },
    workgroups: [rows],
  });
  return out;
}

/**
 * Writes the surviving rows of a matrix close together.
 *
 * @param x - `[rows, dim]`, f32 or f16.
 * @returns `[kept, dim]`, dtype of `x`.
 */
export function gatherRows(rec: Recorder, x: Tensor, { keep, slot }: Survivors, kept: number): Tensor {
  const [rows, dim] = x.shape2();
  if (rows > keep.size)
    throw new ShapeError(`gatherRows: x must have the ${keep.size} rows of the survivors, got ${x}.`);
  const y = rec.empty(x.label, [kept, dim], x.dtype);
  rec.dispatch(gatherKernel, {
    operands: { x, keep, slot, y },
    params: { dim },
    types: { act: floatDType('gatherRows', 'x', x) },
    workgroups: [rows],
  });
  return y;
}
