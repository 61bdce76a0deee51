/** Files as a broken disk or an enemy leaves them. */
import fc from 'fast-check';

/** Bytes with some overwritten, inserted, or cut off. */
export const damage = fc.record({
  cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  edits: fc.array(
    fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.uint8Array({ minLength: 1, maxLength: 16 })),
    { maxLength: 8 },
  ),
});
export type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;

export function damaged(bytes: Uint8Array, { cut, edits }: Damage): Uint8Array {
  const copy = bytes.slice(0, cut === null ? bytes.length : Math.floor(cut * bytes.length));
  for (const [at, values] of edits)
    copy.set(
      values.subarray(0, Math.max(0, copy.length - Math.floor(at * copy.length))),
      Math.min(copy.length, Math.floor(at * copy.length)),
    );
  return copy;
}
