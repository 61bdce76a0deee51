import { roundHalfEven } from '../engine/round.ts';
import { type CombinedRow, combine, type Decision, type Point, type TokenReducer } from '../models/reduction.ts';
import { densityPeaks } from './density-peaks.ts';
import { combinePictures, type PictureTokens, pictureBudget, readPictures } from './pictures.ts';
import { apportion, type BudgetOptions, budgetSettings, checkedBudget, stages } from './shares.ts';
import { indices, largest, Vectors } from './vectors.ts';

/** What the authors chose; golden data varies it. */
export interface HoliTomSettings {
  /** Cosine to the frame before above which a place stands still. */
  readonly tau: number;
  /** How much of a cluster's row is its centre; the rest is the mean of the others. */
  readonly beta: number;
  /** Neighbours that density counts. */
  readonly nearest: number;
  /** Frames of a window at most. */
  readonly mostFrames: number;
}

export const holiTomSettings: HoliTomSettings = { tau: 0.8, beta: 0.6, nearest: 7, mostFrames: 1024 };

/** Before which of 28 layers the second stage is, and what it keeps. */
const INNER = [18, 0.5] as const;

/**
 * HoliTom (NeurIPS 2025): windows of frames, chosen so that the most places stand still; these become one frame and then
 * clusters, of the others each frame keeps the most attended. In the decoder half is merged into what is attended to. The first
 * stage is once a video.
 *
 * Newlines of one frame stay; `parity` has one follow each row that keeps a token, and rounds each count by itself. Positions stay, unless `renumber` says
 * otherwise. Needs the tower's attention.
 *
 * @throws InputError if a setting is outside what is allowed.
 */
export function holiTom(options: BudgetOptions, chosen: HoliTomSettings = holiTomSettings): TokenReducer {
  const budget = checkedBudget('holitom', options);
  const settings = { ...chosen, tau: budget.similarityLowerBound ?? chosen.tau };
  return {
    name: 'holitom',
    settings: budgetSettings(budget, { positions: true, similarity: settings.tau }),
    onEncoded: true,
    renumber: budget.renumber,
    salience: 'received',
    afterMlp: true,
    start: ({ layers }) => {
      const { entering, leaves } = stages(budget, layers, [INNER]);
      return async (at) => {
        const share = leaves.get(at.at);
        if (share !== undefined) return mergeIntoAttended(at, share);
        if (at.at !== 'encoded') return undefined;
        const pictures = await readPictures(at);
        if (budget.parity)
          return combinePictures(pictures, reduceWindows(pictures, settings, authorsCounts(entering)), 'rows');
        const { count, newlines } = pictureBudget(pictures, entering);
        return combinePictures(pictures, reduceWindows(pictures, settings, exactCounts(count)), newlines);
      };
    },
  };
}

/** Frames that are reduced together, and which of their places stand still throughout. */
interface Window {
  readonly frames: readonly number[];
  readonly still: readonly number[];
}

/** How many rows each window's still places, and each frame's other ones, become. */
type Counts = (pictures: PictureTokens, windows: readonly Window[]) => { still: number[]; moving: number[][] };

/** Rounded by itself, each. */
export function authorsCounts(retention: number): Counts {
  return ({ frames, places }, windows) => {
    const all = frames * places;
    const saved = windows.reduce((sum, { frames: own, still }) => sum + still.length * (own.length - 1), 0);
    const ratio = Math.min(retention / ((all - saved) / all), 1);
    return {
      still: windows.map(({ still }) => roundHalfEven(still.length * ratio)),
      moving: windows.map(({ frames: own, still }) => own.map(() => Math.ceil((places - still.length) * ratio))),
    };
  };
}

/** So many rows together, unless standing still alone saves more. */
export function exactCounts(count: number): Counts {
  return ({ places }, windows) => {
    const quotas = windows.flatMap(({ frames, still }) => [still.length, ...frames.map(() => places - still.length)]);
    const total = Math.min(
      Math.max(1, count),
      quotas.reduce((sum, quota) => sum + quota, 0),
    );
    const counts = apportion(quotas, total, quotas);
    const still: number[] = [];
    const moving: number[][] = [];
    for (const { frames } of windows) {
      const [first = 0, ...others] = counts.splice(0, 1 + frames.length);
      still.push(first);
      moving.push(others);
    }
    return { still, moving };
  };
}

/** Window after window: its still places, then its frames. */
export function reduceWindows(pictures: PictureTokens, settings: HoliTomSettings, counts: Counts): CombinedRow[] {
  const windows = windowsOf(pictures, settings);
  const { still, moving } = counts(pictures, windows);
  return windows.flatMap((window, i) => [
    ...clusterStill(pictures, window, still[i]!, settings),
    ...window.frames.flatMap((frame, f) => attended(pictures, window, frame, moving[i]![f]!)),
  ]);
}

/** The windows that save most, by dynamic programming; of equal ones the shorter. */
export function windowsOf({ vectors, frames, places }: PictureTokens, { tau, mostFrames }: HoliTomSettings): Window[] {
  const still = indices(vectors.count - places).map((i) => vectors.cosine(i, i + places) > tau);
  const best = [{ gain: 0, length: 0, still: [] as number[] }];
  for (const last of indices(frames)) {
    let held = indices(places);
    let chosen = { gain: Number.NEGATIVE_INFINITY, length: 0, still: held };
    for (let length = 1; length <= Math.min(last + 1, mostFrames); length++) {
      const first = last - length + 1;
      if (length > 1) held = held.filter((place) => still[first * places + place]);
      const gain = best[first]!.gain + held.length * (length - 1);
      if (gain > chosen.gain) chosen = { gain, length, still: length > 1 ? held : [] };
    }
    best.push(chosen);
  }
  const windows: Window[] = [];
  for (let end = frames; end > 0; end -= best[end]!.length) {
    const { length, still: places } = best[end]!;
    windows.unshift({ frames: indices(length).map((i) => end - length + i), still: places });
  }
  return windows;
}

/** Still places become their means over time, and these clusters, at the window's first frame. */
function clusterStill(
  { vectors, places }: PictureTokens,
  { frames, still }: Window,
  count: number,
  { beta, nearest }: HoliTomSettings,
): CombinedRow[] {
  const over = still.map((place) => frames.map((f) => f * places + place));
  const means = vectors.means(over);
  return densityPeaks(means, indices(still.length), count, Math.min(count, nearest)).map(({ centre, members }) => {
    const others = members.filter((member) => member !== centre);
    const weigh = (member: number): number =>
      (others.length === 0 ? 1 : member === centre ? beta : (1 - beta) / others.length) / frames.length;
    return {
      at: over[centre]![0]!,
      of: members.flatMap((member) => over[member]!.map((token) => [token, weigh(member)] as const)),
    };
  });
}

/** The places of a frame that do not stand still and are attended to most, as they are. */
function attended({ places, salience }: PictureTokens, { still }: Window, frame: number, count: number): CombinedRow[] {
  const held = new Set(still);
  const moving = indices(places).filter((place) => !held.has(place));
  const tokens = moving.map((place) => frame * places + place);
  return largest(salience ?? [], count, tokens).map((token) => ({ at: token, of: [[token, 1]] }));
}

/** Of the video's rows the most attended stay; every other one, in order, goes half and half into the one most like it. */
export async function mergeIntoAttended(at: Point, share: number): Promise<Decision | undefined> {
  const { rec, tokens, attention } = at;
  if (!attention) return undefined;
  const { first, length, text } = tokens.layout;
  const [rows, dim] = tokens.hidden.shape2();
  const [values, weights] = (await Promise.all([
    rec.read(tokens.hidden.rows(first, length)),
    rec.read(attention()),
  ])) as [Float32Array, Float32Array];
  const separators = new Set(text.filter((place) => place < length));
  const candidates = indices(length).filter((place) => !separators.has(place));
  const received = indices(length).map((place) => {
    let sum = 0;
    for (let row = first + place; row < weights.length; row += rows) sum += weights[row]!;
    return sum;
  });
  const stay = largest(received, roundHalfEven(candidates.length * share), candidates);
  if (stay.length === candidates.length || stay.length === 0) return undefined;
  return combine(halved(new Vectors(values, dim), stay, candidates, separators));
}

/** (stayer + other) / 2, one after the other, as weights. */
function halved(
  video: Vectors,
  stay: readonly number[],
  candidates: readonly number[],
  separators: ReadonlySet<number>,
): CombinedRow[] {
  const members = new Map(stay.map((place) => [place, [place]]));
  for (const other of candidates) {
    if (members.has(other)) continue;
    const likeness = stay.map((place) => video.cosine(other, place));
    const [nearest] = largest(likeness, 1);
    members.get(stay[nearest!]!)!.push(other);
  }
  const own = [...separators].map((place): CombinedRow => ({ at: place, of: [[place, 1]] }));
  const merged = [...members].map(([at, all]): CombinedRow => {
    const n = all.length;
    return { at, of: all.map((place, i) => [place, 2 ** -(n - Math.max(i, 1))] as const) };
  });
  return [...own, ...merged].toSorted((a, b) => a.at - b.at);
}
