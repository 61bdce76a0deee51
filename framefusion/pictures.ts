/** A video's tokens on the host, without newlines: what reducers at `encoded` decide by, and what becomes of newlines. */
import { roundHalfEven } from '../engine/round.ts';
import type { TokenGrid } from '../models/inputs.ts';
import { type CombinedRow, combine, type Decision, keep, type Point, type VideoLayout } from '../models/reduction.ts';
import { indices, Vectors } from './vectors.ts';

/**
 * What becomes of newlines, which models of LLaVA's kind have between the rows of a frame or behind it; they are one vector
 * throughout. A number: so many stay, from the video's first on, at their places. `rows`: one follows each row that keeps a
 * token. `behind`: all stay, behind their frame's tokens. The latter two go beyond the budget, as with the authors.
 */
export type Newlines = number | 'rows' | 'behind';

/** What a budget leaves. */
export interface PictureBudget {
  /** Of the pictures' tokens. */
  readonly count: number;
  readonly newlines: number;
}

/**
 * Shares a budget out: the newlines of one frame stay, unless they would be more than half of it, and all others only where
 * the pictures leave room for them.
 *
 * @param share - Of all tokens of the video.
 */
export function pictureBudget({ all, frames, placeOf, newlines }: PictureTokens, share: number): PictureBudget {
  const total = Math.min(all, Math.max(1, roundHalfEven(share * all)));
  const once = newlines.length / frames;
  const lines = Math.max(2 * once <= total ? once : 0, total - placeOf.length);
  return { count: total - lines, newlines: lines };
}

/** The tokens of the pictures: `frames` x `places`, frame after frame. */
export interface PictureTokens {
  readonly vectors: Vectors;
  readonly frames: number;
  readonly places: number;
  /** Of each, what it got in the tower; absent where it was not asked for. */
  readonly salience?: Float32Array;
  /** Place in the stretch of each, and of every newline. */
  readonly placeOf: readonly number[];
  readonly newlines: readonly number[];
  /** All tokens of the video, newlines included. */
  readonly all: number;
}

/** Reads a video that nothing was taken from. */
export async function readPictures({ rec, tokens, salience, frames, grid }: Point): Promise<PictureTokens> {
  const { hidden, layout } = tokens;
  const [, dim] = hidden.shape2();
  const stretch = (await rec.read(hidden.rows(layout.first, layout.length))) as Float32Array;
  const isNewline = newlineTest(grid);
  const video = videoPlaces(layout);
  const placeOf = video.filter((_, i) => !isNewline(i % layout.perFrame));
  const newlines = video.filter((_, i) => isNewline(i % layout.perFrame));
  return {
    vectors: new Vectors(stretch, dim).pick(placeOf),
    frames,
    places: placeOf.length / frames,
    ...(salience && { salience: Float32Array.from(placeOf, (place) => salience[layout.first + place]!) }),
    placeOf,
    newlines,
    all: video.length,
  };
}

/** The tokens of a frame, of `places` each. */
export function tokensOf(frame: number, places: number): number[] {
  return indices(places).map((place) => frame * places + place);
}

/** Places of the video's tokens in its stretch, of a sequence that nothing was taken from yet. */
export function videoPlaces({ length, text }: Pick<VideoLayout, 'length' | 'text'>): number[] {
  const others = new Set(text);
  return indices(length).filter((place) => !others.has(place));
}

function newlineTest(grid: TokenGrid | undefined): (place: number) => boolean {
  if (grid?.newlines === 'row') return (place) => place % (grid.columns + 1) === grid.columns;
  if (grid?.newlines === 'frame') return (place) => place === grid.rows * grid.columns;
  return () => false;
}

/** These tokens of the pictures stay as they are. */
export function keepPictures(pictures: PictureTokens, tokens: readonly number[], newlines: Newlines): Decision {
  const places = tokens.map((token) => pictures.placeOf[token]!);
  if (typeof newlines === 'number') return keep([...places, ...pictures.newlines.slice(0, newlines)]);
  return combine(withNewlines(pictures, places.map(asItIs), newlines));
}

/** The pictures become these rows, named by tokens of theirs. */
export function combinePictures(pictures: PictureTokens, rows: readonly CombinedRow[], newlines: Newlines): Decision {
  const { placeOf } = pictures;
  const named = rows.map(({ at, of }) => ({
    at: placeOf[at]!,
    of: of.map(([token, weight]) => [placeOf[token]!, weight] as const),
  }));
  return combine(withNewlines(pictures, named, newlines));
}

/** Rows stay in their order where there are no newlines, and are in the order of places where there are. */
function withNewlines(
  { newlines, all, frames }: PictureTokens,
  rows: readonly CombinedRow[],
  how: Newlines,
): readonly CombinedRow[] {
  if (newlines.length === 0) return rows;
  const used = new Set(rows.map(({ at }) => at));
  const stays = (newline: number, i: number): boolean => {
    if (typeof how === 'number') return i < how;
    return how === 'behind' || follows(used, newlines[i - 1] ?? -1, newline);
  };
  const together = [...rows, ...newlines.filter(stays).map(asItIs)];
  const frameOf = ({ at }: CombinedRow): number => Math.floor((at * frames) / all);
  return together.toSorted((a, b) => (how === 'behind' ? frameOf(a) - frameOf(b) : a.at - b.at));
}

const asItIs = (place: number): CombinedRow => ({ at: place, of: [[place, 1]] });

/** Whether a token stays between two newlines. */
function follows(used: ReadonlySet<number>, from: number, to: number): boolean {
  for (let place = from + 1; place < to; place++) if (used.has(place)) return true;
  return false;
}
