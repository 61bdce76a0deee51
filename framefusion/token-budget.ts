import { InputError } from '../engine/errors.ts';
import { shownValue } from '../engine/text.ts';
import type { Decide, TokenReducer, VideoLayout } from '../models/reduction.ts';

/**
 * A reducer whose budget is a number of tokens: its cost follows from the video, so that more frames leave no more work to the
 * decoder.
 *
 * @param tokens - Video tokens that a layer computes, as a mean over the layers; of several videos, of each. A video that has
 *   fewer is left as it is.
 * @param make - The reducer at a cost in (0, 1].
 * @throws InputError unless `tokens` is a whole number above 0; what `make` throws.
 */
export function withTokenBudget(tokens: number, make: (cost: number) => TokenReducer): TokenReducer {
  if (!(Number.isSafeInteger(tokens) && tokens > 0))
    throw new InputError(`tokens must be a whole number above 0, got ${shownValue(tokens)}.`);
  const { cost: _, ...settings } = make(1).settings ?? {};
  return {
    ...make(1),
    settings: { tokens, ...settings },
    start: (prompt) => {
      const begun = ({ videos }: VideoLayout): Decide => {
        const videoTokens = videos.reduce((sum, video) => sum + video.tokens, 0);
        const cost = costOfTokens(tokens, { videos: videos.length, videoTokens });
        return cost < 1 ? make(cost).start(prompt) : () => undefined;
      };
      let decide: Decide | undefined;
      return (at) => {
        decide ??= begun(at.tokens.layout);
        return decide(at);
      };
    },
  };
}

/** The cost that so many tokens of each video are. @param shown - Videos, and the tokens that they have together. */
export function costOfTokens(tokens: number, shown: { readonly videos: number; readonly videoTokens: number }): number {
  return shown.videoTokens === 0 ? 1 : Math.min(1, (tokens * shown.videos) / shown.videoTokens);
}
