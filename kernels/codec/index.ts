import { KernelError } from '../../engine/errors.ts';
import type { Codec } from '../../engine/kernel.ts';
import type { Tensor } from '../../engine/tensor.ts';
import bf16 from './bf16.wgsl';
import f16 from './f16.wgsl';
import f32 from './f32.wgsl';

const codecs: Readonly<Record<string, Codec>> = {
  f32: { name: 'f32', source: f32 },
  f16: { name: 'f16', source: f16 },
  bf16: { name: 'bf16', source: bf16 },
};

/** The WGSL that reads a weight matrix in its stored format: a type `WeightPair` and a function `decodePair`. */
export function codecOf(weight: Tensor): Codec {
  const codec = codecs[weight.dtype];
  if (!codec) throw new KernelError(`codec: no weight format for ${weight}.`);
  return codec;
}
