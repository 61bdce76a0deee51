import type { Decision, TokenReducer } from '../models/reduction.ts';
import { change, changed } from './evs.ts';
import { combinePictures, type PictureTokens, pictureBudget, readPictures } from './pictures.ts';
import { pruneByAttention } from './prune.ts';
import { type BudgetOptions, budgetSettings, checkedBudget, twoStages } from './shares.ts';
import { indices, largest } from './vectors.ts';

/** Before which of 28 layers the second stage is, and what it keeps: chosen on validation clips (docs/eval.md). */
const [LATE, LATE_KEEPS] = [7, 0.3];

/** Budgets from which one stage is enough: what is unlike then fits, and whatever enters stays (docs/eval.md). */
const ENOUGH = 0.2;

/**
 * FrameFusion+, this project's own: a token stays if it is unlike the last one that stayed at its place, so that slow changes count
 * as well as sudden ones, and stands for the mean of what was alike after it, as with FrameFusion. That is once a video. If the budget
 * is below a fifth, more enter, and a quarter of the way through the decoder three tenths of them are left, by the attention of the
 * family's last rows.
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
      const keeps = (keep ?? cost) < ENOUGH ? LATE_KEEPS : 1;
      const { entering, layer, inner } = twoStages(budget, layers, LATE, keeps);
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
  const stay = novel(pictures, count);
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

/** `count` tokens: the first frame, and those unlike the last that stayed at their place. Below one frame, its first tokens. */
export function novel(pictures: Pick<PictureTokens, 'vectors' | 'places'>, count: number): number[] {
  const { vectors, places } = pictures;
  if (count <= places) return changed(pictures, count);
  const beyond = searchable(pictures);
  let [few, low, high] = [beyond(2), 0, 2];
  // Each bound has its own chain of tokens that stay, so that the bound for a count can only be searched for.
  for (let step = 0; step < HALVINGS; step++) {
    const bound = (low + high) / 2;
    const stay = beyond(bound);
    if (stay.length > count) low = bound;
    else [few, high] = [stay, bound];
  }
  const taken = new Set(few);
  const others = indices(vectors.count).filter((token) => !taken.has(token));
  return [...few, ...largest(change(pictures), count - few.length, others)].sort((a, b) => a - b);
}

/** Halvings of the range of cosines: to 2e-6. */
const HALVINGS = 20;

/** By a bound: the first frame, and what is further than it from the last that stayed at its place. */
function searchable({ vectors, places }: Pick<PictureTokens, 'vectors' | 'places'>): (bound: number) => number[] {
  // Near bounds have nearly the same chains: most cosines are those of the bound before.
  const to = new Int32Array(vectors.count).fill(-1);
  const distance = new Float64Array(vectors.count);
  const far = (token: number, last: number): number => {
    if (to[token] !== last) [to[token], distance[token]] = [last, 1 - vectors.cosine(token, last)];
    return distance[token]!;
  };
  return (bound) => {
    const last = indices(places);
    return indices(vectors.count).filter((token) => {
      const place = token % places;
      const stays = token < places || far(token, last[place]!) > bound;
      if (stays) last[place] = token;
      return stays;
    });
  };
}
