import type { Decision, TokenReducer } from '../models/reduction.ts';
import { change } from './evs.ts';
import { combinePictures, type PictureTokens, pictureBudget, readPictures } from './pictures.ts';
import { pruneByAttention } from './prune.ts';
import { type BudgetOptions, budgetSettings, checkedBudget, stages } from './shares.ts';
import { indices, largest } from './vectors.ts';

/** Before which of 28 layers a stage is, and what it leaves of what entered: chosen on validation clips (docs/eval.md). */
const MILD = [
  [7, 0.7],
  [18, 0.4],
] as const;
const STRONG = [
  [7, 0.5],
  [18, 0.15],
] as const;

/** Costs from which stages are mild. With `keep` they always are: strong ones let far more enter for the same share in the end. */
const AMPLE = 0.2;

/**
 * FrameFusion+, this project's own: a token stays if it is unlike the last one that stayed at its place, so that slow changes count
 * as well as sudden ones, and unlike its neighbours in space. It stands for the mean of what is like it, as with FrameFusion. That
 * is once a video. Twice on the way through the decoder the attention of the family's last rows says what is left, so that more can enter.
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
      const { entering, leaves } = stages(budget, layers, keep === undefined && cost < AMPLE ? STRONG : MILD);
      return async (at) => {
        if (at.at === 'encoded') return mergeAlike(await readPictures(at), entering, at.grid?.columns);
        const share = leaves.get(at.at);
        const last = at.tokens.layout.scoreRows;
        return share === undefined ? undefined : pruneByAttention(at, { share, separators: 'keep', last });
      };
    },
  };
}

function mergeAlike(pictures: PictureTokens, share: number, columns?: number): Decision {
  const { count, newlines } = pictureBudget(pictures, share);
  const rows = [...novel(pictures, count, columns)].map(([at, all]) => ({
    at,
    of: all.map((token) => [token, 1 / all.length] as const),
  }));
  return combinePictures(pictures, rows, newlines);
}

/**
 * `count` tokens that stay, ascending, each with all that it stands for, itself first.
 *
 * @param columns - Of the grid of a frame; default all places, one row, whose tokens are compared with the one before.
 */
export function novel(
  pictures: Pick<PictureTokens, 'vectors' | 'places'>,
  count: number,
  columns?: number,
): Map<number, number[]> {
  const beyond = searchable(pictures, columns);
  let [few, low, high] = [beyond(Number.POSITIVE_INFINITY), 0, 2];
  // What stays changes what the next is compared with, so that the bound for a count can only be searched for.
  for (let step = 0; step < HALVINGS && few.size < count; step++) {
    const bound = (low + high) / 2;
    const stay = beyond(bound);
    if (stay.size > count) low = bound;
    else [few, high] = [stay, bound];
  }
  if (few.size === count) return few;
  // No bound gives the count exactly: the largest changes, the first frame before all, then stay for themselves.
  const others = indices(pictures.vectors.count).filter((token) => !few.has(token));
  const alone = new Set(largest(change(pictures), count - few.size, others));
  const groups = [...few].map(([at, all]) => [at, all.filter((token) => !alone.has(token))] as [number, number[]]);
  return new Map(
    [...groups, ...[...alone].map((token) => [token, [token]] as [number, number[]])].sort(([a], [b]) => a - b),
  );
}

/** Halvings of the range of cosines: to 2e-6. */
const HALVINGS = 20;

/** By a bound: what is further than it from what stands for its place and for the places left of it and above it. */
function searchable(
  { vectors, places }: Pick<PictureTokens, 'vectors' | 'places'>,
  columns: number = places,
): (bound: number) => Map<number, number[]> {
  // Near bounds have nearly the same groups: most cosines are those of the bound before.
  const to = new Int32Array(3 * vectors.count).fill(-1);
  const distance = new Float64Array(3 * vectors.count);
  const far = (token: number, other: number, side: number): number => {
    const at = 3 * token + side;
    if (to[at] !== other) [to[at], distance[at]] = [other, 1 - vectors.cosine(token, other)];
    return distance[at]!;
  };
  return (bound) => {
    const groups = new Map<number, number[]>();
    const standsFor: number[] = [];
    for (const token of indices(vectors.count)) {
      const place = token % places;
      const beside = [place, place % columns > 0 ? place - 1 : -1, place - columns].map((other) => standsFor[other]);
      const like = beside.find((other, side) => other !== undefined && !(far(token, other, side) > bound));
      standsFor[place] = like ?? token;
      if (like === undefined) groups.set(token, [token]);
      else groups.get(like)!.push(token);
    }
    return groups;
  };
}
