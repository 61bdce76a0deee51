/** How a budget becomes numbers of tokens, the same for all reducers. */
import { InputError } from '../engine/errors.ts';
import { requireObject } from '../engine/misuse.ts';
import { shownValue } from '../engine/text.ts';
import type { Place } from '../models/reduction-step.ts';
import { checkedCost } from './budget.ts';

/** Settings that all reducers of a whole video share. */
export interface BudgetOptions {
  /** Share of the video tokens, averaged over the layers, that may be computed; in (0, 1]. */
  readonly cost: number;
  /** Instead of `cost`: share of the video tokens that is left after all reduction; in (0, 1]. */
  readonly keep?: number;
  /**
   * Whether to do as the authors' code does where it has a bug, rounds past the budget, or gives newlines another place;
   * default false. docs/deviations.md lists the differences.
   */
  readonly parity?: boolean;
  /**
   * Whether what is left of a video gets positions 0, 1, 2, ... of the shortened prompt (FlashVID, VidCom2, HoliTom; positions of
   * several axes always stay); default as `parity`.
   */
  readonly renumber?: boolean;
  /** Cosine from which tokens count as alike, for methods that ask for one; default the authors'. */
  readonly similarityLowerBound?: number;
}

/** With the defaults of what may be left out. */
export type CheckedBudget = BudgetOptions & Required<Pick<BudgetOptions, 'parity' | 'renumber'>>;

/** @throws InputError if a setting is outside what is allowed. */
export function checkedBudget(name: string, options: BudgetOptions): CheckedBudget {
  requireObject(name, 'options: { cost, ... }', options);
  const { cost, keep, parity = false, renumber = parity, similarityLowerBound } = options;
  checkedCost(cost);
  if (keep !== undefined && !(typeof keep === 'number' && keep > 0 && keep <= 1))
    throw new InputError(`keep must be above 0 and at most 1, got ${shownValue(keep)}.`);
  const bound = similarityLowerBound !== undefined && { similarityLowerBound };
  if (bound && !(typeof similarityLowerBound === 'number' && similarityLowerBound > -2))
    throw new InputError(`similarityLowerBound must be a number above -2, got ${shownValue(similarityLowerBound)}.`);
  return { cost, ...(keep !== undefined && { keep }), parity, renumber, ...bound };
}

/** What reports and results say of a budget: newer settings only where they are not the default. */
export function budgetSettings(
  { cost, keep, parity, renumber }: BudgetOptions,
  asks: { readonly similarity?: number; readonly positions?: boolean } = {},
): Readonly<Record<string, number | string>> {
  return {
    cost,
    ...(keep !== undefined && { keep }),
    ...(parity && { parity: 'yes' }),
    ...(asks.positions && { renumber: renumber ? 'yes' : 'no' }),
    ...(asks.similarity !== undefined && { similarity: asks.similarity }),
  };
}

/** What enters the decoder, and what its layers leave. */
export interface Stages {
  /** Share of the video's tokens. */
  readonly entering: number;
  /** By layer, the share that it leaves of what it got; layers that leave all are absent. */
  readonly leaves: ReadonlyMap<Place, number>;
}

/**
 * Shares that meet a budget in several stages: as planned, unless all tokens may enter and more may stay.
 *
 * @param plan - Ascending: before which of 28 layers a stage is, and what it leaves of what entered.
 */
export function stages(
  { cost, keep }: BudgetOptions,
  layers: number,
  plan: readonly (readonly [at: number, left: number])[],
): Stages {
  const before = ([at]: readonly [number, number]): number =>
    Math.min(layers, Math.max(1, Math.round((at * layers) / 28)));
  const starts = [0, ...plan.map(before), layers];
  const planned = [1, ...plan.map(([, left]) => left)].map((left, i) => ({
    from: starts[i]!,
    to: starts[i + 1]!,
    left,
  }));
  const spans = planned.filter(({ from, to }) => from < to);
  const last = spans.at(-1)!;
  const work = (of: readonly Span[]): number => of.reduce((sum, { from, to, left }) => sum + (to - from) * left, 0);
  const [goal, got, all] = keep === undefined ? [cost * layers, work(spans), layers] : [keep, last.left, 1];
  if (got < goal) {
    for (const span of spans) span.left += (1 - span.left) * ((goal - got) / (all - got));
    // Exactly: what is a hair above would be rounded up to a token more.
    last.left = keep ?? (goal - work(spans.slice(0, -1))) / (last.to - last.from);
  }
  const leaves = new Map<Place, number>();
  for (const [i, { from, left }] of spans.slice(1).entries())
    if (left < spans[i]!.left) leaves.set(from - 1, left / spans[i]!.left);
  return { entering: Math.min(1, goal / got), leaves };
}

/** Layers that compute the same tokens: `left` of those that enter. */
interface Span {
  readonly from: number;
  readonly to: number;
  left: number;
}

/**
 * Whole numbers that sum to `total`, as near to their quotas as can be (largest remainders; of equal ones the earlier).
 *
 * @param quotas - Not negative; scaled to `total`.
 * @param most - What each may not exceed. `total` is at most their sum.
 */
export function apportion(quotas: readonly number[], total: number, most: readonly number[]): number[] {
  const counts = quotas.map(() => 0);
  let open = quotas.map((_, i) => i).filter((i) => most[i]! > 0);
  let left = total;
  while (left > 0 && open.length > 0) {
    const sum = open.reduce((all, i) => all + quotas[i]!, 0);
    const shareOf = (i: number): number => (sum > 0 ? (left * quotas[i]!) / sum : left / open.length);
    const full = open.filter((i) => shareOf(i) >= most[i]!);
    if (full.length > 0) {
      for (const i of full) {
        counts[i] = most[i]!;
        left -= most[i]!;
      }
      open = open.filter((i) => !full.includes(i));
      continue;
    }
    for (const i of open) counts[i] = Math.floor(shareOf(i));
    const missing = left - open.reduce((all, i) => all + counts[i]!, 0);
    const rest = (i: number): number => shareOf(i) - Math.floor(shareOf(i));
    for (const i of open.toSorted((a, b) => rest(b) - rest(a) || a - b).slice(0, missing)) counts[i]!++;
    left = 0;
  }
  return counts;
}
