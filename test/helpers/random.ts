import { encodeFloats, hostArray } from '../../engine/host-array.ts';
import type { DType } from '../../engine/tensor.ts';
import type { HostTensor } from '../../kernels/reference/host-tensor.ts';
import { gaussian, pick, randomStream } from '../../tools/random.ts';

export type { HostTensor };

export interface RandomOptions {
  readonly seed: number;
  /** How many elements, spread over the tensor, are made large enough for their squares to be beyond f16. */
  readonly outliers?: number;
  /** Standard deviation; default 1. */
  readonly scale?: number;
  /** The values are rounded to it, so that a reference sees what the kernel sees. */
  readonly dtype?: 'f32' | 'f16' | 'bf16';
}

/** About the size of an outlier: its square is 160,000, and f16 ends at 65,504. */
export const OUTLIER = 400;

/** Normal data, the same for the same seed. */
export function random(
  shape: readonly number[],
  { seed, outliers = 0, scale = 1, dtype = 'f32' }: RandomOptions,
): HostTensor {
  const stream = randomStream(seed, shape.join());
  const values = new Float32Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) values[i] = scale * gaussian(stream);
  for (let i = 0; i < outliers && values.length > 0; i++)
    values[stream() % values.length] = OUTLIER * pick(stream, [-1, 1]) * (1 + gaussian(stream) / 8);
  return host(shape, values, dtype);
}

/** Numbers as a tensor, rounded to its dtype. */
export function host(shape: readonly number[], values: ArrayLike<number>, dtype: DType = 'f32'): HostTensor {
  if (values.length !== sizeOf(shape)) throw new RangeError(`${values.length} values are no [${shape}]`);
  if (dtype === 'u32' || dtype === 'i32') return { shape, dtype, values: Uint32Array.from(values) };
  const bits = encodeFloats(dtype, Float32Array.from(values));
  const bytes = new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength).slice();
  return { shape, dtype, values: hostArray(dtype, bytes.buffer, values.length) as Float32Array };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
