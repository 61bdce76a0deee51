/** A video's tokens on the host, without newlines: what reducers at `encoded` decide by, and what becomes of newlines. */
import type { TokenGrid } from '../models/inputs.ts';
import { type CombinedRow, combine, type Decision, keep, type Point, type VideoLayout } from '../models/reduction.ts';
import { indices, Vectors } from './vectors.ts';

/**
 * What becomes of newlines, which models of LLaVA's kind have between the rows of a frame or behind it. `drop`: all go, and
 * the budget is the picture's. `rows`: one follows each row that keeps a token. `behind`: all stay, behind their frame's tokens.
 * The latter two are spent beyond the budget, as authors do.
 */
export type Newlines = 'drop' | 'rows' | 'behind';

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
  const values = (await rec.read(hidden)) as Float32Array;
  const isNewline = newlineTest(grid);
  const video = videoPlaces(layout);
  const placeOf = video.filter((_, i) => !isNewline(i % layout.perFrame));
  const newlines = video.filter((_, i) => isNewline(i % layout.perFrame));
  const pictures = new Float32Array(placeOf.length * dim);
  for (const [i, place] of placeOf.entries()) {
    const row = layout.first + place;
    pictures.set(values.subarray(row * dim, (row + 1) * dim), i * dim);
  }
  return {
    vectors: new Vectors(pictures, dim),
    frames,
    places: placeOf.length / frames,
    ...(salience && { salience: Float32Array.from(placeOf, (place) => salience[layout.first + place]!) }),
    placeOf,
    newlines,
    all: video.length,
  };
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
  if (newlines === 'drop') return keep(tokens.map((token) => pictures.placeOf[token]!));
  return combinePictures(
    pictures,
    tokens.map((token) => ({ at: token, of: [[token, 1]] })),
    newlines,
  );
}

/** The pictures become these rows, named by tokens of theirs. */
export function combinePictures(pictures: PictureTokens, rows: readonly CombinedRow[], newlines: Newlines): Decision {
  const { placeOf } = pictures;
  const named = rows.map(({ at, of }) => ({
    at: placeOf[at]!,
    of: of.map(([token, weight]) => [placeOf[token]!, weight] as const),
  }));
  if (newlines === 'drop' || pictures.newlines.length === 0) return combine(named);
  const perFrame = pictures.all / pictures.frames;
  const used = new Set(named.map(({ at }) => at));
  const line = (newline: number): CombinedRow => ({ at: newline, of: [[newline, 1]] });
  const frameOf = ({ at }: CombinedRow): number => Math.floor(at / perFrame);
  const lines = pictures.newlines
    .filter((newline, i) => newlines === 'behind' || follows(used, pictures.newlines[i - 1] ?? -1, newline))
    .map(line);
  if (newlines === 'rows') return combine([...named, ...lines].toSorted((a, b) => a.at - b.at));
  return combine([...named, ...lines].toSorted((a, b) => frameOf(a) - frameOf(b)));
}

/** Whether a token stays between two newlines. */
function follows(used: ReadonlySet<number>, from: number, to: number): boolean {
  for (let place = from + 1; place < to; place++) if (used.has(place)) return true;
  return false;
}
