import type { TokenReducer } from '../models/reduction.ts';
import { keepPictures, type PictureTokens, pictureBudget, readPictures } from './pictures.ts';
import { type BudgetOptions, budgetSettings, checkedBudget } from './shares.ts';
import { indices, largest } from './vectors.ts';

/**
 * EVS, as in vLLM: what changed most since the frame before stays. Decides once a video.
 *
 * Newlines of one frame stay (`parity`: none). Positions stay. A budget below one frame keeps its first tokens, where
 * vLLM (`parity`) keeps the whole frame.
 *
 * @throws InputError if a setting is outside what is allowed.
 */
export function evs(options: BudgetOptions): TokenReducer {
  const budget = checkedBudget('evs', options);
  const { cost, keep = cost, parity } = budget;
  return {
    name: 'evs',
    settings: budgetSettings(budget),
    onEncoded: true,
    start: () => async (at) => {
      if (at.at !== 'encoded') return undefined;
      const pictures = await readPictures(at);
      const { count, newlines } = pictureBudget(pictures, keep);
      if (parity) return keepPictures(pictures, changed(pictures, authorsCount(pictures, keep)), 0);
      return keepPictures(pictures, changed(pictures, count), newlines);
    },
  };
}

/** As vLLM counts: never less than a frame. */
export function authorsCount({ vectors, places }: Pick<PictureTokens, 'vectors' | 'places'>, share: number): number {
  return Math.max(places, Math.trunc(vectors.count * share));
}

/** The tokens least like the one before them at their place; those of the first frame before all others. */
export function changed(pictures: Pick<PictureTokens, 'vectors' | 'places'>, count: number): number[] {
  return largest(change(pictures), count);
}

/** 1 - cosine to the same place of the frame before. */
export function change({ vectors, places }: Pick<PictureTokens, 'vectors' | 'places'>): number[] {
  return indices(vectors.count).map((i) => (i < places ? FIRST : 1 - vectors.cosine(i, i - places)));
}

/** What the first frame counts as: more than any change. */
const FIRST = 255;
