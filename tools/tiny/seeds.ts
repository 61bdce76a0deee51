/** First seeds of what is drawn: no clip is in two of these sets, as each has fewer than a million. */
export const SEEDS = {
  train: 1_000_000,
  /** Stills for the vision tower's training. */
  crowds: 2_000_000,
  /** For the choice of thresholds. */
  validation: 3_000_000,
  /** For the figures that are told; nothing is chosen by it. */
  test: 4_000_000,
} as const;
