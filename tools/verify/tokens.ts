import type { Recorder } from '../../engine/recorder.ts';
import { type Tokens, videoLayout } from '../../models/reduction.ts';

/** Where a video's rows are, and after how many of them a place comes again. */
interface VideoRows {
  readonly first: number;
  readonly length: number;
  readonly perFrame?: number;
}

/** The patch type of each of `rows` rows: its place in its frame, -1 for text. */
export function patchTypes(rows: number, { first, length, perFrame = length }: VideoRows): Int32Array {
  return Int32Array.from({ length: rows }, (_, row) =>
    row >= first && row < first + length ? (row - first) % perFrame : -1,
  );
}

/**
 * A sequence as the golden data gives it, at positions 0, 1, 2, ...
 *
 * @param hidden - `[rows, dim]`.
 * @param types - Patch type of each row, -1 for text.
 */
export function uploadTokens(
  rec: Recorder,
  hidden: Float32Array,
  types: Int32Array,
  { first, length }: VideoRows,
): Tokens {
  const rows = types.length;
  const positions = Uint32Array.from({ length: rows }, (_, row) => row);
  const { planes, ...layout } = videoLayout(types, first, length);
  return {
    hidden: rec.upload('hidden', [rows, hidden.length / rows], 'f32', hidden),
    position: rec.upload('position', [rows], 'u32', positions),
    layout: { ...layout, planes: rec.upload('layout', [3, rows], 'u32', planes) },
  };
}
