/** Random tensors, fast enough for 8 billion weights. */
import { f32ToBf16, f32ToF16 } from '../../engine/floats.ts';
import { gaussian, randomStream } from '../random.ts';
import type { TensorPlan } from './tensors.ts';

/** The dtypes that checkpoints are published in. */
export type WeightDtype = 'bf16' | 'f16' | 'f32';

const NARROW = {
  bf16: f32ToBf16,
  f16: f32ToF16,
  f32: (values: Float32Array<ArrayBuffer>) => values,
} as const;

/** Elements made and written at once. */
const CHUNK = 2 ** 22;

/**
 * The elements of a tensor, in chunks. They hang on the seed and the tensor's name alone, not on the dtype (other
 * than by rounding), the shard, or which tensors came before.
 *
 * An element is one of 65536 normal samples, chosen by half of a random word: 16 bits are no less than a bf16 holds,
 * and looking up is 20 times as fast as drawing a normal for each.
 */
export function* drawTensor(plan: TensorPlan, dtype: WeightDtype, seed: number): Generator<Uint8Array> {
  const table = NARROW[dtype](normalSamples(seed).map((sample) => plan.mean + plan.std * sample));
  const random = randomStream(seed, plan.name);
  const size = plan.shape.reduce((product, extent) => product * extent, 1);
  for (let done = 0; done < size; done += CHUNK) {
    const length = Math.min(CHUNK, size - done);
    const chunk = dtype === 'f32' ? new Float32Array(length) : new Uint16Array(length);
    for (let i = 0; i < length; i += 2) {
      const word = random();
      chunk[i] = table[word & 0xffff]!;
      chunk[i + 1] = table[word >>> 16]!;
    }
    yield new Uint8Array(chunk.buffer);
  }
}

/** Bytes of a tensor from an offset on. */
export type DrawnStretch = (offset: number, length: number) => Uint8Array<ArrayBuffer>;

/** Reads the bytes of {@link drawTensor}. Going on where the last reading ended costs nothing; going back begins anew. */
export function drawnStretch(plan: TensorPlan, dtype: WeightDtype, seed: number): DrawnStretch {
  let chunks = drawTensor(plan, dtype, seed);
  let chunk: Uint8Array = new Uint8Array();
  let start = 0; // of the chunk, in the tensor
  return (offset, length) => {
    if (offset < start) {
      chunks = drawTensor(plan, dtype, seed);
      [chunk, start] = [new Uint8Array(), 0];
    }
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const part = chunk.subarray(Math.max(0, offset + done - start)).subarray(0, length - done);
      bytes.set(part, done);
      done += part.length;
      if (done === length) break;
      start += chunk.length;
      const next = chunks.next();
      if (next.done) throw new RangeError(`${plan.name}: ${offset} + ${length} lies outside`);
      chunk = next.value;
    }
    return bytes;
  };
}

let samplesOf: { readonly seed: number; readonly samples: Float32Array<ArrayBuffer> } | undefined;

function normalSamples(seed: number): Float32Array<ArrayBuffer> {
  if (samplesOf?.seed !== seed) {
    const random = randomStream(seed, 'normal samples');
    samplesOf = { seed, samples: Float32Array.from({ length: 65536 }, () => gaussian(random)) };
  }
  return samplesOf.samples;
}
