import { InputError } from './errors.ts';

/** The nearest integer; halves go to the even one, as in Python. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Python's `'%.Nf' % x`: the exact value of the double, ties to even. 0.125 with two digits gives `0.12`.
 *
 * @throws InputError if `x` is not finite.
 */
export function fixed(x: number, digits: number): string {
  if (!Number.isFinite(x)) throw new InputError(`fixed: needs a finite number, got ${x}.`);
  // From 1e21 on toFixed turns to exponents; such a double is an integer.
  const text = Math.abs(x) < 1e21 ? x.toFixed(digits) : `${BigInt(x)}.${'0'.repeat(digits)}`;
  // toFixed is exact too, but takes ties away from zero. Of halves of the last digit, doubles only have odd multiples of a
  // power of two.
  const tie = Math.abs(x * 2 ** (digits + 1)) % 2 === 1;
  const last = Number(text.at(-1));
  const even = tie && last % 2 === 1 ? `${text.slice(0, -1)}${last - 1}` : text;
  return Object.is(x, -0) ? `-${even}` : even;
}
