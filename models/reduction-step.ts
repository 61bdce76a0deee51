/** What reports say of a reduction. */

/** Where a reducer is asked: about a video before any question, about the whole prompt, and in a layer. */
export type Place = 'encoded' | 'input' | number;

/** What reports call what was done. */
export type Action = 'merge' | 'merge-to-budget' | 'prune' | 'drop' | 'none';

/** One call of a reducer that looked at the sequence, for reports. */
export interface ReductionStep {
  readonly at: Place;
  readonly action: Action;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly similarShare?: number;
  readonly budgetShare?: number;
}
