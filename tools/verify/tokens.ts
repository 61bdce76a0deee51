import type { Recorder } from '../../engine/recorder.ts';
import { type Tokens, videoLayout } from '../../models/reduction.ts';

/**
 * A sequence as the golden data gives it, at positions 0, 1, 2, ...
 *
 * @param hidden - `[rows, dim]`.
 * @param types - Patch type of each row, -1 for text.
 * @param first - First row of the video.
 * @param length - Rows of the video.
 */
export function uploadTokens(
  rec: Recorder,
  hidden: Float32Array,
  types: Int32Array,
  { first, length }: { readonly first: number; readonly length: number },
): Tokens {
  const rows = types.length;
  const { planes, ...layout } = videoLayout(types, first, length);
  return {
    hidden: rec.upload('hidden', [rows, hidden.length / rows], 'f32', hidden),
    position: rec.upload(
      'position',
      [rows],
      'u32',
      Uint32Array.from({ length: rows }, (_, row) => row),
    ),
    layout: { ...layout, planes: rec.upload('layout', [3, rows], 'u32', planes) },
  };
}
