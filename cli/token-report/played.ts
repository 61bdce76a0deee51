/** A trace as the page plays it: for every video token when it went, where to, and why. */
import { tokensPerFrame } from '../../kernels/vision.ts';
import type { Scores, Trace } from '../../models/trace.ts';
import type { TokenGrid } from '../../models/video-model.ts';

/** What the page's program reads. Video tokens are counted from the video's first, frame after frame. */
export interface Played extends TokenGrid {
  readonly perFrame: number;
  readonly points: readonly Point[];
  /** For each token the index of the point from which on it is gone; 0 for those that are left. */
  readonly gone: readonly number[];
  /** For each token that was merged the one that stands for it from then on, else -1. */
  readonly into: readonly number[];
  /** For each token that went the similarity, or the attention, that it went for; null where nothing was measured. */
  readonly value: readonly (number | null)[];
}

/** A place in the decoder at which the page can stand, and the video tokens there. */
export interface Point {
  readonly label: string;
  /** When the tokens went that are gone from here on. */
  readonly when: string;
  readonly left: number;
  readonly merged: number;
  readonly pruned: number;
}

/** @param grid - How the tokens of a frame lie. */
export function played(trace: Trace, grid: TokenGrid): Played {
  const { first, length, perFrame } = trace.video;
  const fates = new Fates(first, length);
  const points: Point[] = [{ label: 'Before the decoder: every token', when: '', ...fates.counts }];
  const stand = (label: string, when: string, alive: Uint32Array): void => {
    fates.leave(alive, points.length);
    points.push({ label, when, ...fates.counts });
  };
  for (const step of trace.steps) fates.note(step);
  for (const [layer, { attending, leaving }] of trace.layers.entries()) {
    if (layer === 0) stand('Entering the attention of layer 0', 'before layer 0', attending);
    stand(`Leaving layer ${layer}`, `in layer ${layer}`, leaving);
  }
  return { ...roomFor(perFrame, grid), perFrame, points, gone: fates.gone, into: fates.into, value: fates.value };
}

/** The grid, or where a frame has more tokens than places, as with slices and what stands between them, one for them all. */
function roomFor(perFrame: number, grid: TokenGrid): TokenGrid {
  if (perFrame <= tokensPerFrame(grid.side, grid.newlines)) return grid;
  return { ...grid, side: Math.ceil(Math.sqrt(perFrame)), newlines: 'none' };
}

class Fates {
  readonly gone: number[];
  readonly into: number[];
  readonly value: (number | null)[];
  readonly #first: number;

  constructor(first: number, length: number) {
    this.#first = first;
    this.gone = new Array<number>(length).fill(0);
    this.into = new Array<number>(length).fill(-1);
    this.value = new Array<number | null>(length).fill(null);
  }

  /** Where the tokens that a step removed went, and what for. */
  note({ merged, dropped, similarity, attention }: Trace['steps'][number]): void {
    for (const [token, into] of merged) this.into[token - this.#first] = into - this.#first;
    this.#measure(similarity, new Set(merged.keys()));
    this.#measure(attention, new Set(dropped));
  }

  #measure(scores: Scores | undefined, went: ReadonlySet<number>): void {
    for (const [i, token] of scores?.tokens.entries() ?? [])
      if (went.has(token)) this.value[token - this.#first] = short(scores!.values[i]!);
  }

  /** Tokens that are not alive any more are gone from `point` on. */
  leave(alive: Uint32Array, point: number): void {
    const left = new Set(alive);
    for (const [token, gone] of this.gone.entries())
      if (gone === 0 && !left.has(token + this.#first)) this.gone[token] = point;
  }

  get counts(): Pick<Point, 'left' | 'merged' | 'pruned'> {
    const tokens = [...this.gone.keys()].filter((token) => this.gone[token]! > 0);
    const merged = tokens.filter((token) => this.into[token]! >= 0).length;
    return { left: this.gone.length - tokens.length, merged, pruned: tokens.length - merged };
  }
}

/** Three digits are what a reader reads. */
function short(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(3)) : null;
}
