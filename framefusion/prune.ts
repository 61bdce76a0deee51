import type { Recorder } from '../engine/recorder.ts';
import { roundHalfEven } from '../engine/round.ts';
import type { Tensor } from '../engine/tensor.ts';
import { importance, type Survivors, survivorsOfPruning, topK } from '../kernels/reduce/index.ts';
import type { Look, Tokens } from '../models/reduction.ts';
import { shorten } from './shorten.ts';

/** What to keep. */
export interface PruneOptions {
  /** Of the candidates, in 0 .. 1. */
  readonly share: number;
  /** What becomes of text between the frames: `keep` leaves it out of it, `prune` takes it for video. */
  readonly separators: 'keep' | 'prune';
  /** Told who survives, before the rows move. */
  readonly dropped?: ((survivors: Survivors, kept: number) => void) | undefined;
  readonly look?: Look | undefined;
}

/**
 * Keeps a share of the video's rows, those that the last rows attend to most.
 *
 * @param weights - Attention of the last rows, `[last * heads, rows]`; asked for only if a row is to go.
 */
export function prune(rec: Recorder, tokens: Tokens, weights: () => Tensor, options: PruneOptions): Tokens {
  const { first, length, planes, tokens: videoTokens, text } = tokens.layout;
  const spared = options.separators === 'keep' ? text.length : 0;
  const stay = spared + roundHalfEven((length - spared) * options.share);
  if (stay === length) return tokens;
  const key = importance(rec, weights(), first, length, spared > 0 ? planes : undefined);
  options.look?.({ scores: key });
  const survivors = survivorsOfPruning(rec, planes, videoTokens, topK(rec, key, stay), first);
  return shorten(rec, tokens, survivors, length - stay, false, options.dropped);
}
