import type { Decision, TokenReducer } from '../models/reduction.ts';
import { change } from './evs.ts';
import { combinePictures, type PictureTokens, pictureBudget, readPictures } from './pictures.ts';
import { pruneByAttention } from './prune.ts';
import { type BudgetOptions, budgetSettings, checkedBudget, twoStages } from './shares.ts';
import { indices, largest } from './vectors.ts';

/** Before which of 28 layers the second stage is, and what it keeps: chosen on validation clips (docs/eval.md). */
const [LATE, LATE_KEEPS] = [14, 0.25];

/**
 * FrameFusion+, this project's own: what changed since the frame before stays, as with EVS, and stands for the mean of what did
 * not change after it, as with FrameFusion; half-way through the decoder a quarter of it is left, by the attention of the
 * family's last rows. The first stage is once a video.
 *
 * Newlines of one frame stay, text between frames stays, positions stay.
 *
 * @throws InputError if a setting is outside what is allowed.
 */
export function frameFusionPlus({ cost, keep }: BudgetOptions): TokenReducer {
  const budget = checkedBudget('framefusion-plus', { cost, ...(keep !== undefined && { keep }) });
  return {
    name: 'framefusion-plus',
    settings: budgetSettings(budget),
    onEncoded: true,
    start: ({ layers }) => {
      const { entering, layer, inner } = twoStages(budget, layers, LATE, LATE_KEEPS);
      return async (at) => {
        if (at.at === layer - 1 && inner < 1)
          return pruneByAttention(at, { share: inner, separators: 'keep', last: at.tokens.layout.scoreRows });
        return at.at === 'encoded' ? mergeUnchanged(await readPictures(at), entering) : undefined;
      };
    },
  };
}

function mergeUnchanged(pictures: PictureTokens, share: number): Decision {
  const { count, newlines } = pictureBudget(pictures, share);
  const stay = largest(change(pictures), count);
  const chains = new Map(stay.map((token) => [token, [token]]));
  for (const token of indices(pictures.vectors.count)) {
    let before = token;
    // The last one at its place that stays; below one frame of budget some places have none.
    while (before >= 0 && !chains.has(before)) before -= pictures.places;
    if (before >= 0 && before !== token) chains.get(before)!.push(token);
  }
  const rows = [...chains].map(([at, all]) => ({ at, of: all.map((token) => [token, 1 / all.length] as const) }));
  return combinePictures(pictures, rows, newlines);
}
