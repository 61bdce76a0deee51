import { expect } from 'chai';
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from '../../engine/floats.ts';

const ALL = Uint16Array.from({ length: 65536 }, (_, i) => i);

/** The value of a small float by its definition: sign, exponent, fraction. */
function decode(bits: number, exponentBits: number, fractionBits: number): number {
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >> (exponentBits + fractionBits) ? -1 : 1;
  const exponent = (bits >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent ? sign * (1 + fraction) * 2 ** (exponent - bias) : sign * fraction * 2 ** (1 - bias);
}

for (const { name, widen, narrow, exponentBits, fractionBits } of [
  { name: 'bf16', widen: bf16ToF32, narrow: f32ToBf16, exponentBits: 8, fractionBits: 7 },
  { name: 'f16', widen: f16ToF32, narrow: f32ToF16, exponentBits: 5, fractionBits: 10 },
])
  describe(name, () => {
    const infinity = (2 ** exponentBits - 1) << fractionBits;

    it('widens every one of its values exactly', () => {
      const got = widen(ALL);
      for (const bits of ALL)
        if (!Object.is(got[bits], decode(bits, exponentBits, fractionBits))) expect.fail(`0x${bits.toString(16)}`);
    });

    it('gets every value back, and a NaN for a NaN', () => {
      const got = narrow(widen(ALL));
      for (const bits of ALL) {
        const isNan = (bits & 0x7fff) > infinity;
        if (isNan ? (got[bits]! & 0x7fff) <= infinity : got[bits] !== bits) expect.fail(`0x${bits.toString(16)}`);
      }
    });

    it('rounds to the nearest, ties to even, between all neighbours', () => {
      for (let bits = 0; bits < infinity - 1; bits++) {
        const low = decode(bits, exponentBits, fractionBits);
        const high = decode(bits + 1, exponentBits, fractionBits);
        const middle = Math.fround((low + high) / 2);
        const below = nextF32(middle, -1);
        const above = nextF32(middle, 1);
        const even = bits % 2 === 0 ? bits : bits + 1;
        const got = [...narrow(new Float32Array([below, middle, above, -below, -middle, -above]))];
        const want = [bits, even, bits + 1];
        expect(got, `above 0x${bits.toString(16)}`).to.deep.equal([...want, ...want.map((half) => half | 0x8000)]);
      }
    });

    it('overflows to infinity from half a step past its largest value', () => {
      const largest = decode(infinity - 1, exponentBits, fractionBits);
      const step = largest - decode(infinity - 2, exponentBits, fractionBits);
      const edge = Math.fround(largest + step / 2);
      const got = narrow(new Float32Array([nextF32(edge, -1), edge, 3.4028234663852886e38, -Infinity, Infinity]));
      expect([...got]).to.deep.equal([infinity - 1, infinity, infinity, infinity | 0x8000, infinity]);
    });

    it('keeps the sign of zero and every kind of NaN', () => {
      const nans = new Float32Array(new Uint32Array([0x7f800001, 0x7fffffff, 0xff800001, 0x7fc00000]).buffer);
      for (const half of narrow(nans)) expect(half & 0x7fff).to.be.above(infinity);
      expect([...narrow(new Float32Array([0, -0]))]).to.deep.equal([0, 0x8000]);
    });

    it('reads a view into the middle of a buffer, and writes nothing into it', () => {
      const values = new Float32Array([7, 1, 2, 7]);
      expect([...widen(narrow(values.subarray(1, 3)))]).to.deep.equal([1, 2]);
      expect([...values]).to.deep.equal([7, 1, 2, 7]);
    });
  });

/** The f32 next to a positive `value`. */
function nextF32(value: number, direction: 1 | -1): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer);
  bits[0]! += direction;
  return new Float32Array(bits.buffer)[0]!;
}
