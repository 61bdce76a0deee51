/** A trace as the viewer plays it: for every video token when it went, where to, and why. */
import type { TokenGrid } from '../models/inputs.ts';
import type { Scores, Trace, TraceStep } from '../models/trace.ts';

/** What the viewer draws. Video tokens are counted from the video's first, frame after frame. */
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

/** A place in the decoder at which the viewer can stand, and the video tokens there. */
export interface Point {
  readonly label: string;
  /** When the tokens went that are gone from here on. */
  readonly when: string;
  readonly left: number;
  readonly merged: number;
  readonly pruned: number;
}

/** One place further: the point, and the tokens that are gone from it on. Plain data, which workers and servers send. */
export interface Advance {
  readonly point: Point;
  readonly went: readonly (readonly [token: number, into: number, value: number | null])[];
}

/** A whole trace. @param grid - How the tokens of a frame lie. */
export function played(trace: Trace, grid: TokenGrid): Played {
  const before = untouched(tokensOf(trace.video).length, trace.video.perFrame, grid);
  return new Way(trace.video).follow(trace).reduce(advanced, before);
}

/** A video of which every token is still there. */
export function untouched(tokens: number, perFrame: number, grid: TokenGrid): Played {
  const each = <T>(value: T): T[] => Array.from({ length: tokens }, () => value);
  const first: Point = { label: 'Before the decoder: every token', when: '', left: tokens, merged: 0, pruned: 0 };
  return {
    ...roomFor(perFrame, grid),
    perFrame,
    points: [first],
    gone: each(0),
    into: each(-1),
    value: each<number | null>(null),
  };
}

/** What is played, one place further. */
export function advanced(data: Played, { point, went }: Advance): Played {
  const [gone, into, value] = [[...data.gone], [...data.into], [...data.value]];
  for (const [token, to, measured] of went) {
    gone[token] = data.points.length;
    into[token] = to;
    value[token] = measured;
  }
  return { ...data, points: [...data.points, point], gone, into, value };
}

/** The grid, or where a frame has more tokens than places, as with slices and what stands between them, one for them all. */
function roomFor(perFrame: number, grid: TokenGrid): TokenGrid {
  const { rows, columns, newlines } = grid;
  if (perFrame <= rows * columns + { row: rows, frame: 1, none: 0 }[newlines]) return grid;
  const side = Math.ceil(Math.sqrt(perFrame));
  return { ...grid, rows: side, columns: side, newlines: 'none' };
}

/** The rows of the prompt that are video tokens, in order. */
function tokensOf({ first, length, text }: Trace['video']): number[] {
  const spoken = new Set(text);
  return Array.from({ length }, (_, i) => i)
    .filter((i) => !spoken.has(i))
    .map((i) => first + i);
}

/** Goes along with a trace while it is written. */
export class Way {
  readonly #rows: readonly number[];
  /** The place of each row among the video tokens. */
  readonly #places: ReadonlyMap<number, number>;
  readonly #into = new Map<number, number>();
  readonly #value = new Map<number, number | null>();
  /** Places of those that are left. */
  #left: readonly number[];
  #merged = 0;
  #steps = 0;
  #layers = 0;

  constructor(video: Trace['video']) {
    this.#rows = tokensOf(video);
    this.#places = new Map(this.#rows.map((row, place) => [row, place]));
    this.#left = [...this.#rows.keys()];
  }

  /** What the trace has that was not there the last time. */
  follow({ steps, layers }: Trace): Advance[] {
    for (; this.#steps < steps.length; this.#steps++) this.#note(steps[this.#steps]!);
    const found: Advance[] = [];
    for (; this.#layers < layers.length; this.#layers++) {
      const { attending, leaving } = layers[this.#layers]!;
      const layer = this.#layers;
      if (layer === 0) found.push(this.#leave('Entering the attention of layer 0', 'before layer 0', attending));
      found.push(this.#leave(`Leaving layer ${layer}`, `in layer ${layer}`, leaving));
    }
    return found;
  }

  /** Where the tokens that a step removed went, and what for. */
  #note({ merged, dropped, similarity, attention }: TraceStep): void {
    for (const [token, into] of merged) this.#into.set(this.#places.get(token)!, this.#places.get(into)!);
    this.#measure(similarity, new Set(merged.keys()));
    this.#measure(attention, new Set(dropped));
  }

  #measure(scores: Scores | undefined, went: ReadonlySet<number>): void {
    for (const [i, token] of scores?.tokens.entries() ?? []) {
      const place = this.#places.get(token);
      if (place !== undefined && went.has(token)) this.#value.set(place, short(scores!.values[i]!));
    }
  }

  /** Tokens that are not alive any more are gone. */
  #leave(label: string, when: string, alive: Uint32Array): Advance {
    const stay = new Set(alive);
    const isLeft = (place: number): boolean => stay.has(this.#rows[place]!);
    const went = this.#left
      .filter((place) => !isLeft(place))
      .map((place) => [place, this.#into.get(place) ?? -1, this.#value.get(place) ?? null] as const);
    this.#left = this.#left.filter(isLeft);
    this.#merged += went.filter(([, into]) => into >= 0).length;
    const left = this.#left.length;
    const pruned = this.#rows.length - left - this.#merged;
    return { point: { label, when, left, merged: this.#merged, pruned }, went };
  }
}

/** Three digits are what a reader reads. */
function short(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(3)) : null;
}
