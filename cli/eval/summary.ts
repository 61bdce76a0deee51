/** Accuracy with its uncertainty, from answers. */
import { differenceInterval, shareInterval, shareOf, type VideoCount } from './bootstrap.ts';
import type { Question } from './question.ts';
import type { Result } from './results.ts';
import type { Budget } from './runs.ts';

/** Right answers among a number of them. */
export interface Accuracy {
  readonly right: number;
  readonly total: number;
  /** Wilson's 95 % interval of the share. */
  readonly interval: readonly [low: number, high: number];
}

/** One reducer at one budget. */
export interface RunSummary extends Accuracy {
  readonly reducer: string;
  /** Asked for; 1 for the dense model. With `tokens`, the mean share that these were. */
  readonly cost: number;
  /** Asked for instead of a cost. */
  readonly tokens?: number;
  /** Mean over the questions of what was computed. */
  readonly computedShare: number;
  /** Share of the questions in which tokens were merged and then pruned, rather than merged to the budget. */
  readonly mergedThenPruned: number;
  readonly byType: Readonly<Record<string, Accuracy>>;
  /** Mean time of an answer, encoding aside; absent where results do not tell. */
  readonly seconds?: number;
  /** With `--against`. */
  readonly overVideos?: OverVideos;
}

/** A run with its uncertainty if videos, and not questions, are independent. */
export interface OverVideos {
  /** 95 % interval of the share of right answers. */
  readonly interval: readonly [low: number, high: number];
  /** Its share minus that of another reducer at the same budget, with its 95 % interval; absent for that one. */
  readonly against?: {
    readonly reducer: string;
    readonly difference: number;
    readonly interval: readonly [low: number, high: number];
  };
}

/** @see Wilson 1927; 1.96 standard deviations. */
export function accuracy(right: number, total: number): Accuracy {
  if (total === 0) return { right, total, interval: [0, 1] };
  const z2 = 1.96 ** 2;
  const share = right / total;
  const centre = share + z2 / (2 * total);
  const spread = 1.96 * Math.sqrt((share * (1 - share)) / total + z2 / (4 * total ** 2));
  const scale = 1 + z2 / total;
  return { right, total, interval: [Math.max(0, (centre - spread) / scale), Math.min(1, (centre + spread) / scale)] };
}

/** Summarises the answers of one reducer. */
export function summarise(
  { reducer, cost, tokens }: Budget & { readonly reducer: string },
  questions: readonly Question[],
  results: readonly Result[],
): RunSummary {
  const mean = (of: (result: Result) => number): number =>
    results.length === 0 ? 0 : results.reduce((sum, result) => sum + of(result), 0) / results.length;
  const rightOf = (some: readonly Result[]): Accuracy =>
    accuracy(some.filter(({ right }) => right).length, some.length);
  const types = [...new Set(questions.map(({ type }) => type))];
  const timed = results.length > 0 && results.every(({ seconds }) => seconds !== undefined);
  const computedShare = mean((result) => result.computedShare);
  return {
    reducer,
    ...(tokens === undefined ? { cost } : { cost: computedShare, tokens }),
    ...rightOf(results),
    computedShare,
    ...(timed && { seconds: mean(({ seconds = 0 }) => seconds) }),
    mergedThenPruned: mean(({ actions }) => Number(actions.includes('merge') && actions.includes('prune'))),
    byType: Object.fromEntries(
      types.map((type) => [type, rightOf(results.filter(({ question }) => questions[question]?.type === type))]),
    ),
  };
}

/** A run and the answers that it is about. */
export interface Answered {
  readonly summary: RunSummary;
  readonly results: readonly Result[];
}

/** The runs with intervals over videos, and each compared with a reducer at the same budget. */
export function overVideos(runs: readonly Answered[], questions: readonly Question[], other: string): RunSummary[] {
  const counted = runs.map(({ summary, results }) => ({ summary, videos: countsOf(results, questions) }));
  return counted.map(({ summary, videos }) => {
    const { reducer } = summary;
    const rival = counted.find((one) => one.summary.reducer === other && sameBudget(one.summary, summary));
    const pair = rival && reducer !== other && rival.videos.length === videos.length ? rival.videos : undefined;
    const against = pair && {
      reducer: other,
      difference: shareOf(videos) - shareOf(pair),
      interval: differenceInterval(videos, pair),
    };
    return { ...summary, overVideos: { interval: shareInterval(videos), ...(against && { against }) } };
  });
}

function sameBudget(a: Budget, b: Budget): boolean {
  return a.tokens === undefined ? a.cost === b.cost : a.tokens === b.tokens;
}

/** By video, in the order of questions. */
function countsOf(results: readonly Result[], questions: readonly Question[]): VideoCount[] {
  const videos = new Map<string, { right: number; total: number }>();
  for (const { question, right } of results) {
    const { video = '' } = questions[question] ?? {};
    const count = videos.get(video) ?? { right: 0, total: 0 };
    count.right += Number(right);
    count.total++;
    videos.set(video, count);
  }
  return [...videos.values()];
}
