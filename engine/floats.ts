/**
 * Conversions between f32 and the 16-bit floats of checkpoints, over whole arrays, by their bits: Node 20 has no
 * `Float16Array`. Widening is exact; narrowing rounds to nearest even, overflows to infinity and keeps NaN a NaN.
 */

/** bfloat16 bits to f32. */
export function bf16ToF32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = bits[i]! << 16;
  return new Float32Array(out.buffer);
}

/** f32 to bfloat16 bits. */
export function f32ToBf16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = bitsOf(values);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const u = bits[i]!;
    const isNan = (u & 0x7fffffff) > 0x7f800000;
    // A NaN is cut and made quiet: rounding could carry it into infinity.
    out[i] = isNan ? (u >>> 16) | 0x40 : (u + 0x7fff + ((u >>> 16) & 1)) >>> 16;
  }
  return out;
}

/** IEEE half bits to f32. */
export function f16ToF32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length);
  const out = bitsOf(values);
  for (let i = 0; i < bits.length; i++) {
    const h = bits[i]!;
    const sign = (h & 0x8000) << 16;
    if ((h & 0x7c00) === 0x7c00) {
      out[i] = sign | 0x7f800000 | ((h & 0x3ff) << 13);
      continue;
    }
    // Moved to its place in an f32 the number is too small by the difference of the exponent biases, 127 - 15.
    out[i] = (h & 0x7fff) << 13;
    values[i] = values[i]! * 2 ** 112;
    out[i] = out[i]! | sign;
  }
  return values;
}

/** f32 to IEEE half bits. */
export function f32ToF16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = bitsOf(values);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const sign = (bits[i]! >>> 16) & 0x8000;
    const magnitude = bits[i]! & 0x7fffffff;
    out[i] = sign | halfOf(magnitude, Math.abs(values[i]!));
  }
  return out;
}

/** Half bits of a non-negative f32, given as bits and as a number. */
function halfOf(bits: number, value: number): number {
  if (bits > 0x7f800000) return 0x7e00 | ((bits >>> 13) & 0x3ff);
  if (value >= 65520) return 0x7c00;
  if (value >= 2 ** -14) return (bits - 0x38000000 + 0xfff + ((bits >>> 13) & 1)) >>> 13;
  // Subnormal: multiples of 2^-24, which is just the spacing of f32 between 0.5 and 1.
  scratch[0] = 0.5 + value;
  return scratchBits[0]! - 0x3f000000;
}

const scratch = new Float32Array(1);
const scratchBits = bitsOf(scratch);

function bitsOf<T extends ArrayBufferLike>(values: Float32Array<T>): Uint32Array<T> {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
