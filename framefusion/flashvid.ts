import type { CombinedRow, TokenReducer } from '../models/reduction.ts';
import { densityPeaks } from './density-peaks.ts';
import { combinePictures, type PictureTokens, pictureBudget, readPictures, tokensOf } from './pictures.ts';
import { pruneByAttention } from './prune.ts';
import { apportion, type BudgetOptions, budgetSettings, checkedBudget, stages } from './shares.ts';
import { indices, largest, type Vectors } from './vectors.ts';

/** What the authors chose; golden data varies it. */
export interface FlashVidSettings {
  /** Of a frame's tokens, the share that is picked for diversity, rather than merged. */
  readonly alpha: number;
  readonly treeThreshold: number;
  readonly segmentThreshold: number;
  readonly leastSegments: number;
  /** How much more than the budget of the layers enters the decoder. */
  readonly expansion: number;
  /** Whether a diverse token counts by its relevance to its segment (`attn_div_v2`). */
  readonly relevance: boolean;
}

export const flashVidSettings: FlashVidSettings = {
  alpha: 0.7,
  treeThreshold: 0.8,
  segmentThreshold: 0.9,
  leastSegments: 8,
  expansion: 1.25,
  relevance: true,
};

/** Before which of 28 layers the second stage is, and what it keeps. */
const LATE = [20, 0.3] as const;

/**
 * FlashVID (ICLR 2026): each frame keeps its most diverse and attended tokens; the others become trees across frames, and what
 * is left of them clusters. Late in the decoder the last row's attention prunes to 0.3. The first stage is once a video.
 *
 * Newlines of one frame stay; `parity` keeps them behind their frame. Positions stay, unless `renumber` says otherwise.
 * Needs the tower's attention.
 *
 * @throws InputError if a setting is outside what is allowed.
 */
export function flashVid(options: BudgetOptions, chosen: FlashVidSettings = flashVidSettings): TokenReducer {
  const budget = checkedBudget('flashvid', options);
  const settings = { ...chosen, treeThreshold: budget.similarityLowerBound ?? chosen.treeThreshold };
  return {
    name: 'flashvid',
    settings: budgetSettings(budget, { positions: true, similarity: settings.treeThreshold }),
    onEncoded: true,
    renumber: budget.renumber,
    salience: 'received',
    start: ({ layers }) => {
      const { entering, leaves } = stages(budget, layers, [LATE]);
      return async (at) => {
        const share = leaves.get(at.at);
        if (share !== undefined) return pruneByAttention(at, { share, separators: 'keep', round: Math.ceil });
        if (at.at !== 'encoded') return undefined;
        const pictures = await readPictures(at);
        if (budget.parity) {
          const retention = entering / settings.expansion;
          return combinePictures(pictures, authorsReduction(pictures, retention, settings), 'behind');
        }
        const { count, newlines } = pictureBudget(pictures, entering);
        return combinePictures(pictures, exactReduction(pictures, count, settings), newlines);
      };
    },
  };
}

/** What a segment of frames comes to. */
interface Plan {
  /** Of each frame of the video: tokens that are to stay, and how many of them are picked. */
  readonly budgets: readonly number[];
  readonly picks: readonly number[];
  /** Clusters of each frame of a segment from how many tokens are left of each, and how many should stay. */
  readonly clusters: (left: readonly number[], wanted: number) => readonly number[];
  readonly parity: boolean;
}

/** As the authors' code counts, and sums trees. */
export function authorsReduction(
  pictures: PictureTokens,
  retention: number,
  settings: FlashVidSettings,
): CombinedRow[] {
  const { frames, places } = pictures;
  const budget = Math.ceil(places * retention * settings.expansion);
  const clusters = (left: readonly number[], wanted: number): number[] => {
    const q = wanted / left.reduce((sum, n) => sum + n, 0);
    return left.map((n) => (q >= 1 ? n : Math.ceil(n * q)));
  };
  const [budgets, picks] = [budget, Math.ceil(budget * settings.alpha)].map((n) => new Array<number>(frames).fill(n));
  return reduction(pictures, settings, { budgets: budgets!, picks: picks!, clusters, parity: true });
}

/** Exactly so many rows, where trees leave as many. */
export function exactReduction(pictures: PictureTokens, count: number, settings: FlashVidSettings): CombinedRow[] {
  const { frames, places } = pictures;
  const budgets = apportion(new Array(frames).fill(1), count, new Array(frames).fill(places));
  const picks = budgets.map((budget) => Math.ceil(budget * settings.alpha));
  const clusters = (left: readonly number[], wanted: number): number[] => apportion(left, wanted, left);
  return reduction(pictures, settings, { budgets, picks, clusters, parity: false });
}

function reduction(pictures: PictureTokens, settings: FlashVidSettings, plan: Plan): CombinedRow[] {
  const rows = segmentsOf(pictures, settings).flatMap((frames) => reduceSegment(pictures, frames, settings, plan));
  return rows.toSorted((a, b) => a.at - b.at);
}

/** Frames that follow one another and are alike; at least so many segments, if there are frames. */
export function segmentsOf(
  { vectors, frames, places }: PictureTokens,
  { segmentThreshold, leastSegments }: FlashVidSettings,
): number[][] {
  const means = vectors.means(indices(frames).map((f) => tokensOf(f, places)));
  const alike = indices(frames - 1).map((f) => means.cosine(f, f + 1));
  const cut = new Set(indices(frames - 1).filter((f) => alike[f]! < segmentThreshold));
  const missing = Math.min(Math.max(0, leastSegments - cut.size - 1), frames - 1);
  const others = alike.map((similarity, f) => (cut.has(f) ? -1 : -similarity));
  for (const f of largest(others, missing)) cut.add(f);
  const segments: number[][] = [[]];
  for (const f of indices(frames)) {
    segments.at(-1)!.push(f);
    if (cut.has(f)) segments.push([]);
  }
  return segments;
}

function reduceSegment(
  pictures: PictureTokens,
  frames: readonly number[],
  settings: FlashVidSettings,
  plan: Plan,
): CombinedRow[] {
  const { vectors, places } = pictures;
  const picked = new Set(frames.flatMap((f) => pick(pictures, f, frames, plan.picks[f]!, settings)));
  const wanted = frames.reduce((sum, f) => sum + plan.budgets[f]! - plan.picks[f]!, 0);
  // The authors' code clusters the picked ones, too, where there is nothing to hang others on.
  const all = plan.parity && frames.length === 1;
  const trees = treesOf(pictures, frames, all ? new Set() : picked, { wanted: wanted + picked.size, settings, plan });
  const left = frames.map((f) => tokensOf(f, places).filter((token) => trees.has(token)));
  const counts = plan.clusters(
    left.map((tokens) => tokens.length),
    wanted,
  );
  const rows: CombinedRow[] = [...picked].map((token) => ({ at: token, of: [[token, 1]] }));
  for (const [i, roots] of left.entries()) {
    const survivors = vectors.sums(roots.map((root) => trees.get(root)!));
    for (const { centre, members } of densityPeaks(
      survivors,
      indices(roots.length),
      counts[i]!,
      Math.min(counts[i]!, 7),
    ))
      rows.push({
        at: roots[centre]!,
        of: members.flatMap((m) => trees.get(roots[m]!)!.map(([token, w]) => [token, w / members.length] as const)),
      });
  }
  return rows;
}

/** Tokens of a frame that are far from one another, and attended to: each next is the farthest from those before. */
export function pick(
  { vectors, places, salience }: PictureTokens,
  frame: number,
  segment: readonly number[],
  count: number,
  { relevance }: Pick<FlashVidSettings, 'relevance'>,
): number[] {
  const tokens = tokensOf(frame, places);
  const centre = relevance ? vectors.means([segment.flatMap((f) => tokensOf(f, places))]) : undefined;
  const weight = tokens.map((j) => (salience?.[j] ?? 1) * 1e6 * (centre ? vectors.dot(j, 0, centre) : 1));
  const distance = tokens.map((i) => tokens.map((j, at) => (1 - vectors.cosine(i, j)) * weight[at]!));
  const secondLeast = tokens.map(
    (_, j) => distance.map((row) => row[j]!).sort((a, b) => a - b)[Math.min(1, places - 1)]!,
  );
  const picked: number[] = [];
  let nearest = secondLeast;
  while (picked.length < Math.min(count, places)) {
    const [next] = largest(
      nearest,
      1,
      indices(places).filter((j) => !picked.includes(j)),
    );
    nearest = picked.length === 0 ? distance[next!]! : nearest.map((least, j) => Math.min(least, distance[next!]![j]!));
    picked.push(next!);
  }
  return picked.map((j) => tokens[j]!);
}

/** What stands for how much of which tokens. */
type Trees = ReadonlyMap<number, readonly (readonly [token: number, weight: number])[]>;

/** Hangs each token on the one most like it in the frame before; a root stands for its tree. */
function treesOf(
  pictures: PictureTokens,
  frames: readonly number[],
  picked: ReadonlySet<number>,
  { wanted, settings, plan }: { readonly wanted: number; readonly settings: FlashVidSettings; readonly plan: Plan },
): Trees {
  const { vectors, places } = pictures;
  const free = frames.map((f) => tokensOf(f, places).filter((token) => !picked.has(token)));
  const best = new Map<number, { readonly anchor: number; readonly similarity: number }>();
  for (const [i, tokens] of free.entries())
    for (const token of i > 0 && free[i - 1]!.length > 0 ? tokens : [])
      best.set(token, nearest(vectors, token, free[i - 1]!));
  const bound = boundOf(
    [...best.values()].map(({ similarity }) => similarity),
    frames.length * places - wanted,
    settings,
  );
  const members = new Map(free.flat().map((token) => [token, [token]]));
  const children = new Map<number, number>();
  for (const tokens of free.toReversed())
    for (const token of tokens) {
      const hung = best.get(token);
      if (!hung || !(hung.similarity > bound)) continue;
      members.get(hung.anchor)!.push(...members.get(token)!);
      children.set(hung.anchor, (children.get(hung.anchor) ?? 0) + 1);
      members.delete(token);
    }
  // The authors' code divides the sum of a whole tree by its root and the root's own children.
  const divisor = (root: number, tree: readonly number[]): number =>
    plan.parity ? 1 + (children.get(root) ?? 0) : tree.length;
  return new Map(
    [...members].map(([root, tree]) => [root, tree.map((token) => [token, 1 / divisor(root, tree)] as const)]),
  );
}

function nearest(vectors: Vectors, token: number, among: readonly number[]) {
  let [anchor, similarity] = [among[0]!, Number.NEGATIVE_INFINITY];
  for (const other of among) {
    const found = vectors.cosine(token, other);
    if (found > similarity) [anchor, similarity] = [other, found];
  }
  return { anchor, similarity };
}

/** The similarity above which tokens hang; higher where too few would stay. */
function boundOf(similarities: readonly number[], most: number, { treeThreshold }: FlashVidSettings): number {
  const hung = similarities.filter((similarity) => similarity > treeThreshold).length;
  if (hung <= most) return treeThreshold;
  return similarities.toSorted((a, b) => b - a)[most - 1] ?? Number.POSITIVE_INFINITY;
}
