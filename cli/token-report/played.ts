/** A trace as the page plays it: for every video token when it went, where to, and why. */
import { tokensIn } from '../../models/family.ts';
import type { TokenGrid } from '../../models/inputs.ts';
import type { Scores, Trace } from '../../models/trace.ts';

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
  const { perFrame } = trace.video;
  const fates = new Fates(trace.video);
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
  if (perFrame <= tokensIn(grid)) return grid;
  const side = Math.ceil(Math.sqrt(perFrame));
  return { ...grid, rows: side, columns: side, newlines: 'none' };
}

class Fates {
  readonly gone: number[];
  readonly into: number[];
  readonly value: (number | null)[];
  /** The rows of the prompt that are video tokens, in order, and the place of each among them. */
  readonly #rows: readonly number[];
  readonly #places: ReadonlyMap<number, number>;

  constructor({ first, length, text }: Trace['video']) {
    const spoken = new Set(text);
    this.#rows = Array.from({ length }, (_, i) => i)
      .filter((i) => !spoken.has(i))
      .map((i) => first + i);
    this.#places = new Map(this.#rows.map((row, place) => [row, place]));
    this.gone = this.#rows.map(() => 0);
    this.into = this.#rows.map(() => -1);
    this.value = this.#rows.map(() => null);
  }

  /** Where the tokens that a step removed went, and what for. */
  note({ merged, dropped, similarity, attention }: Trace['steps'][number]): void {
    for (const [token, into] of merged) this.into[this.#places.get(token)!] = this.#places.get(into)!;
    this.#measure(similarity, new Set(merged.keys()));
    this.#measure(attention, new Set(dropped));
  }

  #measure(scores: Scores | undefined, went: ReadonlySet<number>): void {
    for (const [i, token] of scores?.tokens.entries() ?? []) {
      const place = this.#places.get(token);
      if (place !== undefined && went.has(token)) this.value[place] = short(scores!.values[i]!);
    }
  }

  /** Tokens that are not alive any more are gone from `point` on. */
  leave(alive: Uint32Array, point: number): void {
    const left = new Set(alive);
    for (const [place, gone] of this.gone.entries())
      if (gone === 0 && !left.has(this.#rows[place]!)) this.gone[place] = point;
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
