import type { Recorder } from '../engine/recorder.ts';
import { compact, type Survivors } from '../kernels/reduce/index.ts';
import type { Tokens } from '../models/reduction.ts';

/**
 * The tokens without `gone` rows, every tensor compacted.
 *
 * @param merge - Whether a survivor becomes the mean of itself and the removed tokens that follow it by rank.
 * @param dropped - Told who survives, before the rows move.
 */
export function shorten(
  rec: Recorder,
  { hidden, position, layout }: Tokens,
  survivors: Survivors,
  gone: number,
  merge: boolean,
  dropped?: (survivors: Survivors, kept: number) => void,
): Tokens {
  const kept = hidden.shape2()[0] - gone;
  dropped?.(survivors, kept);
  const counts = { tokens: layout.tokens, kept, merge };
  const left = compact(rec, { hidden, position, layout: layout.planes }, survivors, counts);
  const smaller = { ...layout, tokens: layout.tokens - gone, length: layout.length - gone };
  return { hidden: left.hidden, position: left.position, layout: { ...smaller, planes: left.layout } };
}
