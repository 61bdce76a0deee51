import { roundHalfEven } from '../engine/round.ts';
import type { TokenReducer } from '../models/reduction.ts';
import { keepPictures, type PictureTokens, pictureBudget, readPictures, tokensOf } from './pictures.ts';
import { type BudgetOptions, budgetSettings, checkedBudget } from './shares.ts';
import { indices, largest, Vectors } from './vectors.ts';

type Pictures = Pick<PictureTokens, 'vectors' | 'frames' | 'places'>;

/**
 * VidCom2 (Liu et al., EMNLP 2025), with the exact count that vLLM added: what is unlike the video and unlike its frame
 * stays; frames that stand out get more. Decides once a video.
 *
 * Newlines of one frame stay; `parity` keeps them all behind their frame, beyond the budget, and rounds each frame's count by itself.
 * Positions stay, unless `renumber` says otherwise, as the authors' code does.
 *
 * @throws InputError if a setting is outside what is allowed.
 */
export function vidCom2(options: BudgetOptions): TokenReducer {
  const budget = checkedBudget('vidcom2', options);
  const { cost, keep = cost, parity } = budget;
  return {
    name: 'vidcom2',
    settings: budgetSettings(budget, { positions: true }),
    onEncoded: true,
    renumber: budget.renumber,
    start: () => async (at) => {
      if (at.at !== 'encoded') return undefined;
      const pictures = await readPictures(at);
      const found = likeness(pictures);
      if (parity) return keepPictures(pictures, byFrame(pictures, found, keep), 'behind');
      const { count, newlines } = pictureBudget(pictures, keep);
      const kept = byFrame(pictures, found, count / pictures.placeOf.length);
      return keepPictures(pictures, exactly(kept, found, count), newlines);
    },
  };
}

/** How like the whole video each token is, and how like its frame. */
export interface Likeness {
  readonly video: readonly number[];
  readonly frame: readonly number[];
}

/** By the half of the channels that vary least over all tokens. */
export function likeness(pictures: Pictures): Likeness {
  const { frames, places } = pictures;
  const x = normalised(pictures.vectors, calmChannels(pictures.vectors));
  const ofFrame = (i: number): number => Math.floor(i / places);
  const centre = x.means([indices(x.count)]);
  const centres = x.means(indices(frames).map((f) => tokensOf(f, places)));
  return {
    video: indices(x.count).map((i) => kernels(x, i, centre, 0)),
    frame: indices(x.count).map((i) => kernels(x, i, centres, ofFrame(i))),
  };
}

/** Channels of least variance, half of them, ascending. */
export function calmChannels({ values, dim, count }: Vectors): number[] {
  const negative = indices(dim).map((c) => {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < count; i++) sum += values[i * dim + c]!;
    for (let i = 0; i < count; i++) squares += (values[i * dim + c]! - sum / count) ** 2;
    return -squares;
  });
  return largest(negative, Math.floor(dim / 2));
}

function normalised({ values, dim, count }: Vectors, channels: readonly number[]): Vectors {
  const n = channels.length;
  const out = new Float64Array(count * n);
  for (let i = 0; i < count; i++) {
    const row = channels.map((c) => values[i * dim + c]!);
    const norm = Math.max(Math.hypot(...row), 1e-12);
    out.set(
      row.map((value) => value / norm),
      i * n,
    );
  }
  return new Vectors(out, n);
}

/** Gaussian kernels of widths 1/8, 1/4, ..., 2, summed. */
function kernels(x: Vectors, i: number, centres: Vectors, c: number): number {
  let square = 0;
  for (let at = 0; at < x.dim; at++) square += (x.values[i * x.dim + at]! - centres.values[c * x.dim + at]!) ** 2;
  return WIDTHS.reduce((sum, width) => sum + Math.exp(-square / (2 * width)), 0);
}

const WIDTHS = [1 / 8, 1 / 4, 1 / 2, 1, 2];

/** Each frame's share: `base`, more for frames unlike the video, less for others; at most 1. */
export function frameShares({ frames, places }: Pictures, { video }: Likeness, base: number): number[] {
  const score = indices(frames).map((f) => -mean(video.slice(f * places, (f + 1) * places)));
  const top = Math.max(...score);
  const powers = score.map((s) => Math.exp((s - top) / 0.01));
  const sum = powers.reduce((all, p) => all + p, 0);
  return powers.map((p) => Math.min(1, base * (1 + p / sum - 1 / frames)));
}

/** The least alike of every frame, as many as its share says. */
export function byFrame(pictures: Pictures, found: Likeness, base: number): number[] {
  const { places } = pictures;
  const unlike = scores(found);
  return frameShares(pictures, found, base).flatMap((share, f) => {
    const count = Math.max(1, roundHalfEven(share * places));
    return largest(unlike, count, tokensOf(f, places));
  });
}

/** Drops the most alike of all frames, or adds the least alike, until `count` stay. */
export function exactly(kept: readonly number[], found: Likeness, count: number): number[] {
  const unlike = scores(found);
  if (kept.length >= count) return largest(unlike, count, kept);
  const taken = new Set(kept);
  const others = indices(unlike.length).filter((i) => !taken.has(i));
  return [...kept, ...largest(unlike, count - kept.length, others)].sort((a, b) => a - b);
}

function scores({ video, frame }: Likeness): number[] {
  return video.map((g, i) => -(g + frame[i]!));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
