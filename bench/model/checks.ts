/** What must hold before a model is timed. */
import { roundHalfEven } from '../../engine/round.ts';
import { shareToRemove } from '../../framefusion/budget.ts';
import type { GenerationStats } from '../../models/stats.ts';
import { computedShareOf } from '../../models/stats.ts';
import { WrongResultError } from '../common/wrong-result.ts';

/** @throws WrongResultError if two runs that must give the same ids do not. */
export function requireSame(what: string, a: GenerationStats, b: GenerationStats): void {
  const at = a.ids.findIndex((id, i) => id !== b.ids[i]);
  if (at < 0 && a.ids.length === b.ids.length) return;
  const place = at < 0 ? Math.min(a.ids.length, b.ids.length) : at;
  throw new WrongResultError(`${what}: token ${place} is ${a.ids[place] ?? 'none'} and ${b.ids[place] ?? 'none'}.`);
}

/** @throws WrongResultError unless the token counts are those that the budget's arithmetic gives. */
export function requireBudget(stats: GenerationStats, cost: number): void {
  const fault = stepsFault(stats, cost) ?? layersFault(stats) ?? spentFault(stats, cost);
  if (fault) throw new WrongResultError(`cost ${cost}: ${fault}.`);
}

/** Goes through FrameFusion's steps with the budget's arithmetic in hand. */
function stepsFault({ steps, layers, videoTokens }: GenerationStats, cost: number): string | undefined {
  const removed: number[] = [];
  let tokens = videoTokens;
  for (const { action, at, rowsIn, rowsOut, similarShare = 0 } of steps) {
    const share = shareToRemove(removed, cost, layers.length);
    const gone =
      action === 'prune'
        ? tokens - roundHalfEven(tokens * (1 - share))
        : similarShare < share
          ? Math.round(similarShare * tokens)
          : Math.trunc(share * tokens);
    if (rowsIn - rowsOut !== gone)
      return `the ${action} in layer ${at} removed ${rowsIn - rowsOut} rows, and the budget says ${gone}`;
    if (similarShare < share) removed.push(similarShare);
    tokens -= gone;
  }
  return undefined;
}

/** Rows never grow, and each layer takes over what the one before left. */
function layersFault({ layers, promptRows }: GenerationStats): string | undefined {
  let rows = promptRows;
  for (const [i, { entering, attending, leaving }] of layers.entries()) {
    if (entering !== rows || attending > entering || leaving > attending)
      return `layer ${i} had ${entering}, ${attending}, ${leaving} rows after ${rows}`;
    rows = leaving;
  }
  return undefined;
}

/** The budget is not exceeded by more than the one token that rounding may cost in every layer. */
function spentFault(stats: GenerationStats, cost: number): string | undefined {
  const computedShare = computedShareOf(stats);
  if (stats.videoTokens === 0 || computedShare <= cost + 1 / stats.videoTokens) return undefined;
  return `the layers computed ${(100 * computedShare).toFixed(2)} % of the video tokens`;
}
