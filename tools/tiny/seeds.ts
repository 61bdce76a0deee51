/** First seeds of what is drawn: no clip is in two of these parts, as each has fewer than a million. */
export const SEEDS = {
  plain: {
    train: 1_000_000,
    /** Stills for the vision tower's training. */
    crowds: 2_000_000,
    /** For the choice of thresholds. */
    validation: 3_000_000,
    /** For the figures that are told; nothing is chosen by it. */
    test: 4_000_000,
  },
  hard: { train: 5_000_000, crowds: 6_000_000, validation: 7_000_000, test: 8_000_000 },
} as const;
