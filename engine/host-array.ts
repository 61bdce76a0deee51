import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from './floats.ts';
import type { DType } from './tensor.ts';

/** Host copy of a tensor. 16-bit floats are widened, so elements are numbers whatever the dtype. */
export type HostArray = Float32Array | Uint32Array | Int32Array;

/** The first `size` elements of raw bytes as numbers. */
export function hostArray(dtype: DType, bytes: ArrayBuffer, size: number): HostArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(bytes, 0, size);
    case 'u32':
      return new Uint32Array(bytes, 0, size);
    case 'i32':
      return new Int32Array(bytes, 0, size);
    case 'f16':
      return f16ToF32(new Uint16Array(bytes, 0, size));
    case 'bf16':
      return bf16ToF32(new Uint16Array(bytes, 0, size));
  }
}

/** Numbers in the bits of a float dtype, rounded to nearest even. */
export function encodeFloats(dtype: 'f32' | 'f16' | 'bf16', values: Float32Array): Float32Array | Uint16Array {
  if (dtype === 'f32') return values;
  return dtype === 'f16' ? f32ToF16(values) : f32ToBf16(values);
}
