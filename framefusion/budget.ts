import { InputError } from '../engine/errors.ts';
import { shownValue } from '../engine/text.ts';

/**
 * The share of video tokens that the next call has to remove so that the layers together stay within the budget.
 *
 * Every earlier call has removed a share of what was there; each layer counts with the share of the original tokens
 * that enters its attention. What the budget leaves is spread evenly over the layers to come. Double arithmetic, in
 * the order of the reference, so that rounding agrees.
 *
 * @param removed - Shares that earlier calls removed, each of what it found, in 0 .. 1.
 * @param cost - Wanted mean share over all layers, in (0, 1].
 * @param layers - Layers that the budget covers.
 * @param overspent - Where the earlier calls have spent the budget already: `refuse`, as the reference, or `drop`, all that
 *   is left.
 * @returns In 0 .. 1.
 * @throws InputError if the earlier calls have spent the budget already, or have used up its layers.
 * @see FrameFusion main.py, _compute_pruning_ratio.
 */
export function shareToRemove(
  removed: readonly number[],
  cost: number,
  layers: number,
  overspent: 'refuse' | 'drop' = 'refuse',
): number {
  let share = 1;
  let spent = 0;
  for (const part of removed) {
    share *= 1 - part;
    spent += share;
  }
  const left = layers * cost - spent;
  const calls = removed.length;
  if (left < 0 && overspent === 'drop') return 1;
  if (left < 0)
    throw new InputError(
      `cost ${cost} is too small: merging in the first ${calls} of ${layers} layers has already spent ${(spent / layers).toFixed(3)}. Raise the cost, or lower similarityLowerBound so that more is merged.`,
    );
  if (calls >= layers)
    throw new InputError(
      `cost ${cost} cannot be met: merging went on through all ${layers} layers that the budget covers. Raise ratioLowerBound, so that it ends and pruning can follow.`,
    );
  const quota = left / ((layers - calls) * share);
  return quota > 1 ? 0 : 1 - quota;
}

/** A budget. @throws InputError unless it is a number above 0 and at most 1. */
export function checkedCost(cost: number): number {
  if (!(typeof cost === 'number' && cost > 0 && cost <= 1))
    throw new InputError(`cost must be above 0 and at most 1, got ${shownValue(cost)}.`);
  return cost;
}
