import { AssertionError } from 'chai';

/** A number passes within `atol + rtol * |want|`. */
export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
}

export interface ToleranceOptions {
  /** Elements that are added up in f32; default 1. */
  readonly sumOf?: number;
  /** The largest partial result, which rounding errors are a share of; default 1. `largest(want)` is a good guess. */
  readonly scale?: number;
  /**
   * Root of the sum of the squares of the products that f16 adds up, in chains of eight at most, before f32 does. Errors of
   * roundings are independent: of eight in a chain, each a share of what the chain has come to.
   */
  readonly halves?: number;
  /** The largest |argument| of an exponential on the way: its rounding error multiplies the result. */
  readonly exponent?: number;
}

/** Half a unit in the last place of 1, in f32. */
const HALF_ULP = 2 ** -24;

/** Storing a result. WGSL does not say how it rounds to f16, so that is a whole unit in the last place. */
const stored = {
  f32: { rtol: HALF_ULP, atol: 0 },
  f16: { rtol: 2 ** -10, atol: 2 ** -24 },
} as const;

/**
 * What a kernel may differ from float64 by: storing the result, some 16 roundings on the way (WGSL allows a division
 * 2.5 units in the last place and an exponential 3), and sums in f32, whose errors grow as the root of their length.
 */
export function tolerance(
  dtype: 'f32' | 'f16',
  { sumOf = 1, scale = 1, exponent = 0, halves = 0 }: ToleranceOptions = {},
): Tolerance {
  const { rtol, atol } = stored[dtype];
  return {
    rtol: rtol + 16 * HALF_ULP,
    atol: atol + HALF_ULP * scale * (4 * Math.sqrt(sumOf) + 4 * exponent) + 4 * Math.sqrt(8) * 2 ** -11 * halves,
  };
}

/** The largest magnitude, NaN and infinity apart. */
export function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude > most && magnitude < Number.POSITIVE_INFINITY) most = magnitude;
  }
  return most;
}

/** Compares element by element; NaN equals NaN, and an infinity only itself. Names the worst element on failure. */
export function expectClose(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { atol, rtol }: Tolerance,
  what = '',
): void {
  const label = what && `${what}: `;
  if (got.length !== want.length) throw new AssertionError(`${label}${got.length} elements, want ${want.length}`);
  let worst = { index: -1, share: 0 };
  let wrong = 0;
  for (let i = 0; i < want.length; i++) {
    const share = shareOf(got[i]!, want[i]!, atol + rtol * Math.abs(want[i]!));
    if (share > 1) wrong++;
    if (share > worst.share) worst = { index: i, share };
  }
  if (wrong === 0) return;
  const { index, share } = worst;
  throw new AssertionError(
    `${label}${wrong} of ${want.length} elements are wrong; the worst, [${index}], is ${got[index]}, want ` +
      `${want[index]}: ${share === Number.POSITIVE_INFINITY ? 'not a matter of rounding' : `${share.toPrecision(3)} times its budget`}`,
  );
}

/** Difference as a share of the budget. */
function shareOf(got: number, want: number, budget: number): number {
  if (Object.is(got, want) || got === want) return 0;
  if (!Number.isFinite(got) || !Number.isFinite(want)) return Number.POSITIVE_INFINITY;
  return Math.abs(got - want) / budget;
}
