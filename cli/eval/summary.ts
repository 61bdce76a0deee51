/** Accuracy with its uncertainty, from answers. */
import type { Question } from './question.ts';
import type { Result } from './results.ts';

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
  /** Asked for; 1 for the dense model. */
  readonly cost: number;
  /** Mean over the questions of what was computed. */
  readonly computedShare: number;
  /** Share of the questions in which tokens were merged and then pruned, rather than merged to the budget. */
  readonly mergedThenPruned: number;
  readonly byType: Readonly<Record<string, Accuracy>>;
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
  { reducer, cost }: { reducer: string; cost: number },
  questions: readonly Question[],
  results: readonly Result[],
): RunSummary {
  const mean = (of: (result: Result) => number): number =>
    results.length === 0 ? 0 : results.reduce((sum, result) => sum + of(result), 0) / results.length;
  const rightOf = (some: readonly Result[]): Accuracy =>
    accuracy(some.filter(({ right }) => right).length, some.length);
  const types = [...new Set(questions.map(({ type }) => type))];
  return {
    reducer,
    cost,
    ...rightOf(results),
    computedShare: mean(({ computedShare }) => computedShare),
    mergedThenPruned: mean(({ actions }) => Number(actions.includes('merge') && actions.includes('prune'))),
    byType: Object.fromEntries(
      types.map((type) => [type, rightOf(results.filter(({ question }) => questions[question]?.type === type))]),
    ),
  };
}
