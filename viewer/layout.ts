/** Where tokens lie in their frames, and who stands for whom: arithmetic on what is played. */
import type { Played } from './played.ts';

/** A place in a frame, in cells. */
export interface Cell {
  readonly row: number;
  readonly column: number;
  readonly newline?: boolean;
}

/** What became of a token. */
export type Fate = 'kept' | 'merged' | 'pruned';

/** Columns of a frame, that of newline tokens included: it stands right of the picture and a little apart from it. */
export function columnsOf({ columns, newlines }: Pick<Played, 'columns' | 'newlines'>): number {
  return columns + (newlines === 'none' ? 0 : 1.3);
}

/** The tokens as they are at one point. */
export class Tokens {
  readonly data: Played;
  readonly point: number;
  /** For each token the one that stands for it at this point, or the last that did. */
  readonly #ends: readonly number[];

  constructor(data: Played, point: number) {
    this.data = data;
    this.point = point;
    this.#ends = data.gone.map((_, token) => this.wayOf(token).at(-1)!);
  }

  get count(): number {
    return this.data.gone.length;
  }

  frameOf(token: number): number {
    return Math.floor(token / this.data.perFrame);
  }

  placeOf(token: number): Cell {
    const { rows, columns, newlines, perFrame } = this.data;
    const at = token % perFrame;
    const last = columnsOf(this.data) - 1;
    if (newlines === 'row') {
      const [row, column] = [Math.floor(at / (columns + 1)), at % (columns + 1)];
      return column === columns ? { row, column: last, newline: true } : { row, column };
    }
    if (at >= rows * columns) return { row: rows - 1, column: last, newline: true };
    return { row: Math.floor(at / columns), column: at % columns };
  }

  isGone(token: number): boolean {
    const since = this.data.gone[token]!;
    return since > 0 && since <= this.point;
  }

  fateOf(token: number): Fate {
    if (!this.isGone(token)) return 'kept';
    return this.data.into[token]! < 0 ? 'pruned' : 'merged';
  }

  /** The token and those that came to stand for it, one after another. */
  wayOf(token: number): number[] {
    const way = [token];
    for (let end = token; this.isGone(end) && this.data.into[end]! >= 0; way.push(end)) end = this.data.into[end]!;
    return way;
  }

  /** All tokens that the same survivor stands for; none where that one was pruned. */
  groupOf(token: number): number[] {
    const end = this.#ends[token]!;
    if (this.isGone(end)) return [];
    return [...this.#ends.keys()].filter((other) => this.#ends[other] === end);
  }

  /** What became of a token, in words. */
  tell(token: number): string {
    const { gone, into, value, points, newlines } = this.data;
    const { row, column, newline } = this.placeOf(token);
    const place = newline
      ? `newline${newlines === 'row' ? ` of row ${row + 1}` : ''}`
      : `row ${row + 1}, column ${column + 1}`;
    const { when } = points[gone[token]!]!;
    const fate = this.fateOf(token);
    const measure = value[token] === null ? '' : ` (${fate === 'merged' ? 'similarity' : 'attention'} ${value[token]})`;
    const said = {
      kept: () => this.#keptText(token),
      pruned: () => `pruned ${when}${measure}`,
      merged: () =>
        `merged ${when} into the token of frame ${this.frameOf(into[token]!) + 1}${measure}${this.#onward(token)}`,
    };
    return `Frame ${this.frameOf(token) + 1}, ${place}: ${said[fate]()}.`;
  }

  #keptText(token: number): string {
    const others = this.groupOf(token).length - 1;
    return others > 0 ? `kept, and stands for ${others} merged ${others === 1 ? 'token' : 'tokens'}` : 'kept';
  }

  /** What became of the one that a token was merged into, if that one went, too. */
  #onward(token: number): string {
    const way = this.wayOf(token).slice(1);
    const frames = way.slice(1).map((one) => `that of frame ${this.frameOf(one) + 1}`);
    const then = frames.length > 0 ? `, which later went into ${frames.join(', then ')}` : '';
    return this.isGone(way.at(-1)!) ? `${then}, and was pruned with it in the end` : then;
  }
}
