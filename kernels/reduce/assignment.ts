import { ShapeError } from '../../engine/errors.ts';
import { Kernel } from '../../engine/kernel.ts';
import type { Recorder } from '../../engine/recorder.ts';
import { expectShape, type Tensor } from '../../engine/tensor.ts';
import { ceilDiv, floatDType } from '../grid.ts';
import { laneOf } from '../lane/lane.ts';
import assignSource from './assign.wgsl';
import compactLayoutSource from './compact-layout.wgsl';
import compactRowsSource from './compact-rows.wgsl';
import scanSource from './scan.wgsl';
import survivorsSource from './survivors.wgsl';

const assignKernel = new Kernel('assign', assignSource);
const survivorsKernel = new Kernel('survivors', survivorsSource);
const scanKernel = new Kernel('scan', scanSource);
const compactRowsKernel = new Kernel('compact-rows', compactRowsSource);
const compactLayoutKernel = new Kernel('compact-layout', compactLayoutSource);

/** In an assignment: the row goes, and no other stands for it. */
export const GONE = 0xffffffff;

/**
 * The assignment of a merge of runs: each chosen token goes into the token before it, by rank, that stays.
 *
 * @param layout - `[3, rows]`, u32: planes patch, rank, order.
 * @param chosen - `[tokens]`, u32 by rank: 1 for a token that goes. Never the first of all.
 * @returns `[rows]`, u32: the row that stands for each.
 */
export function assignRuns(rec: Recorder, layout: Tensor, chosen: Tensor): Tensor {
  return assign(rec, layout, chosen, { merge: true, first: 0 });
}

/**
 * The assignment of a choice: among the rows `first` .. `first + chosen.size` the chosen ones stay, and all other rows.
 *
 * @param layout - `[3, rows]`, u32.
 * @param chosen - `[candidates]`, u32: 1 for a row that stays.
 * @returns `[rows]`, u32: the row itself, or {@link GONE}.
 */
export function assignChosen(rec: Recorder, layout: Tensor, chosen: Tensor, first: number): Tensor {
  return assign(rec, layout, chosen, { merge: false, first });
}

function assign(
  rec: Recorder,
  layout: Tensor,
  chosen: Tensor,
  { merge, first }: { readonly merge: boolean; readonly first: number },
): Tensor {
  const rows = layout.shape[1] ?? 0;
  const into = rec.empty('assignment', [rows], 'u32');
  rec.dispatch(assignKernel, {
    operands: { planes: layout, chosen, into },
    params: { rows, first, candidates: chosen.size },
    constants: { MERGE: Number(merge) },
    workgroups: [ceilDiv(rows, 64)],
  });
  return into;
}

/** Which rows survive an assignment, where they go, and who is in their groups. */
export interface Survivors {
  /** Flags and prefix sums, `[rows + tokens]`, u32: first by row, then by rank. */
  readonly keep: Tensor;
  readonly slot: Tensor;
  /** `[2 * rows]`, u32: the members of each group, where groups are averaged. */
  readonly links: Tensor;
  /** How many rows survive. */
  readonly kept: number;
  /** Whether a survivor becomes the mean of its group. */
  readonly merge: boolean;
}

/**
 * Survivors of an assignment.
 *
 * @param layout - `[3, rows]`, u32.
 * @param into - `[rows]`, u32: the row that stands for each; itself where it stays, {@link GONE} where nothing does. Only
 *   video tokens may stand for one another.
 * @param counts - `tokens`: video tokens among the rows; `kept`: rows that stay; `merge`: whether groups are averaged.
 */
export function survivorsOf(
  rec: Recorder,
  layout: Tensor,
  into: Tensor,
  { tokens, kept, merge }: { readonly tokens: number; readonly kept: number; readonly merge: boolean },
): Survivors {
  const rows = layout.shape[1] ?? 0;
  expectShape('survivorsOf', 'into', into, [rows]);
  const keep = rec.empty('keep', [rows + tokens], 'u32');
  const slot = rec.empty('slot', [rows + tokens], 'u32');
  const links = merge
    ? rec.upload('links', [2 * rows], 'u32', new Uint32Array(2 * rows))
    : rec.empty('links', [1], 'u32');
  rec.dispatch(survivorsKernel, {
    operands: { planes: layout, into, keep, links },
    params: { rows },
    constants: { MERGE: Number(merge) },
    workgroups: [ceilDiv(rows, 64)],
  });
  rec.dispatch(scanKernel, {
    operands: { keep, slot },
    params: { first: rows, second: tokens },
    workgroups: [2],
  });
  return { keep, slot, links, kept, merge };
}

/**
 * The surviving rows of a matrix, close together; each the plain mean of its group where the survivors merge.
 *
 * @param x - `[rows, dim]`, f32 or f16.
 * @param options - `merge`: default as the survivors say; `room`: rows of the result, default those that survive.
 * @returns `[room, dim]`, dtype of `x`. Sums are f32.
 * @throws ShapeError if `x` has more rows than were decided about.
 * @see FrameFusion main.py, merge_tokens_and_get_mask.
 */
export function compactRows(
  rec: Recorder,
  x: Tensor,
  { keep, slot, links, kept, merge: merging }: Survivors,
  { merge = merging, room = kept }: { readonly merge?: boolean; readonly room?: number } = {},
): Tensor {
  const [rows, dim] = x.shape2();
  if (rows > keep.size)
    throw new ShapeError(`compactRows: x must have the ${keep.size} rows of the survivors, got ${x}.`);
  const y = rec.empty(x.label, [room, dim], x.dtype);
  const computeDtype = floatDType('compactRows', 'x', x);
  rec.dispatch(compactRowsKernel, {
    operands: { x, keep, slot, links, y },
    params: { dim, rows },
    constants: { MERGE: Number(merge) },
    types: { computeDtype },
    codec: laneOf(rec.runtime, computeDtype, dim).codec,
    workgroups: [rows],
  });
  return y;
}

/**
 * Positions and layout of the surviving rows.
 *
 * @param position - `[rows]`, u32.
 * @param layout - `[3, rows]`, u32.
 * @returns `position` `[kept]` and `layout` `[3, kept]`, whose third plane is only as long as there are video tokens.
 */
export function compactLayout(
  rec: Recorder,
  position: Tensor,
  layout: Tensor,
  { keep, slot, kept }: Survivors,
): { readonly position: Tensor; readonly layout: Tensor } {
  const rows = position.size;
  expectShape('compactLayout', 'layout', layout, [3, rows]);
  const out = { position: rec.empty('position', [kept], 'u32'), layout: rec.empty('layout', [3, kept], 'u32') };
  rec.dispatch(compactLayoutKernel, {
    operands: { position, planes: layout, keep, slot, positionOut: out.position, planesOut: out.layout },
    params: { rows, kept },
    workgroups: [ceilDiv(rows, 64)],
  });
  return out;
}
