/**
 * Intervals that count videos as independent, and not questions: those about one video are right or wrong together.
 *
 * Videos are drawn anew with all their questions, as many as there are, with replacement; the interval is that of the middle 95 %
 * of the shares over all draws (percentile bootstrap, Efron & Tibshirani 1993, chapter 13). The draws are the same for every run, so
 * a difference between two runs is drawn in pairs. Seeded: the same answers give the same interval.
 */
import { randomNumbers } from '../../models/random.ts';

/** Right answers about one video, of how many. */
export interface VideoCount {
  readonly right: number;
  readonly total: number;
}

type Interval = readonly [low: number, high: number];

const DRAWS = 4000;
const SEED = 1;

/** Of the share of right answers. Of no video: everything is possible. */
export function shareInterval(videos: readonly VideoCount[]): Interval {
  if (videos.length === 0) return [0, 1];
  return middle(draws(videos.length).map((drawn) => shareOf(drawn.map((i) => videos[i]!))));
}

/** Of the difference of shares, run `a` minus run `b`, of the same videos in the same order. */
export function differenceInterval(a: readonly VideoCount[], b: readonly VideoCount[]): Interval {
  if (a.length === 0) return [-1, 1];
  return middle(draws(a.length).map((drawn) => shareOf(drawn.map((i) => a[i]!)) - shareOf(drawn.map((i) => b[i]!))));
}

/** The share of right answers about some videos. */
export function shareOf(videos: readonly VideoCount[]): number {
  const sum = (of: (video: VideoCount) => number): number => videos.reduce((all, video) => all + of(video), 0);
  return sum(({ right }) => right) / sum(({ total }) => total);
}

function draws(videos: number): number[][] {
  const random = randomNumbers(SEED);
  return Array.from({ length: DRAWS }, () => Array.from({ length: videos }, () => Math.floor(random() * videos)));
}

function middle(values: readonly number[]): Interval {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))]!;
  return [at(0.025), at(0.975)];
}
