import type { Decision, Point, TokenReducer } from '../models/reduction.ts';
import { combinePictures, keepPictures, type PictureTokens, pictureBudget, readPictures } from './pictures.ts';
import { pruneByAttention } from './prune.ts';
import { type BudgetOptions, budgetSettings, checkedBudget } from './shares.ts';
import { indices, largest } from './vectors.ts';

/** What was chosen on the validation split (docs/eval.md). */
const EARLY = Number(process.env['PLUS_EARLY'] ?? 0.8);
const LAYERS = Number(process.env['PLUS_LAYERS'] ?? 2);
const MERGE = process.env['PLUS_MERGE'] === '1';
const FIRST = Number(process.env['PLUS_FIRST'] ?? 255);

/**
 * FrameFusion+: what is new in time or in space stays, early, and what the question looks at stays, late.
 */
export function frameFusionPlus(options: BudgetOptions): TokenReducer {
  const budget = checkedBudget('framefusion-plus', options);
  return {
    name: 'framefusion-plus',
    settings: { ...budgetSettings(budget), v: JSON.stringify([EARLY, LAYERS, MERGE, FIRST]) },
    onEncoded: true,
    start: ({ layers }) => {
      const { entering, inner } = shares(budget, layers);
      return async (at) => {
        if (at.at === LAYERS - 1 && inner < 1) return pruneLate(at, inner);
        return at.at === 'encoded' ? keepNew(await readPictures(at), entering) : undefined;
      };
    },
  };
}

function shares({ cost, keep }: BudgetOptions, layers: number) {
  if (keep !== undefined) return { entering: Math.min(1, Math.sqrt(keep)), inner: Math.sqrt(keep) };
  const all = cost * layers;
  // All layers alike would spend LAYERS / layers of it early.
  const entering = Math.min(1, Math.max(EARLY * all / LAYERS, cost));
  return { entering, inner: Math.max(0, Math.min(1, (all - LAYERS * entering) / (layers - LAYERS) / entering)) };
}

function pruneLate(at: Point, share: number): Decision {
  return pruneByAttention(at, { share, separators: 'keep', last: at.tokens.layout.scoreRows });
}

function keepNew(pictures: PictureTokens, share: number): Decision {
  const { count, newlines } = pictureBudget(pictures, share);
  const stay = largest(novelty(pictures), count);
  if (!MERGE) return keepPictures(pictures, stay, newlines);
  const kept = new Set(stay);
  const groups = new Map(stay.map((token) => [token, [token]]));
  for (const token of indices(pictures.vectors.count)) {
    let root = token;
    while (root >= 0 && !kept.has(root)) root -= pictures.places;
    if (root >= 0 && root !== token) groups.get(root)!.push(token);
  }
  const rows = [...groups].map(([at, all]) => ({ at, of: all.map((token) => [token, 1 / all.length] as const) }));
  return combinePictures(pictures, rows, newlines);
}

function novelty({ vectors, places }: PictureTokens): number[] {
  return indices(vectors.count).map((i) => {
    if (i >= places) return 1 - vectors.cosine(i, i - places);
    if (FIRST === 255) return 255;
    // In the first frame: unlike all that comes before it there.
    return FIRST * (1 - Math.max(-1, ...indices(i).map((j) => vectors.cosine(i, j))));
  });
}
