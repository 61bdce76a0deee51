import { type Codec, fileLine } from '../../engine/kernel.ts';
import vec8F16 from '../vec8/vec8-f16.wgsl';
import vec8F32 from '../vec8/vec8-f32.wgsl';
import type { Weight, WeightFormat } from '../weight.ts';
import bf16 from './bf16.wgsl';
import f16 from './f16.wgsl';
import f32 from './f32.wgsl';
import q4 from './q4.wgsl';
import q8 from './q8.wgsl';
import wideBf16 from './wide/wide-bf16.wgsl';
import wideF16 from './wide/wide-f16.wgsl';
import wideF32 from './wide/wide-f32.wgsl';
import wideQ4 from './wide/wide-q4.wgsl';
import wideQ8 from './wide/wide-q8.wgsl';

const sources: Readonly<Record<WeightFormat, string>> = { f32, f16, bf16, q8, q4 };
const wideSources: Readonly<Record<WeightFormat, string>> = {
  f32: wideF32,
  f16: wideF16,
  bf16: wideBf16,
  q8: wideQ8,
  q4: wideQ4,
};

/**
 * The WGSL that reads a kernel's operand `weight`: its element type `WeightWord`, `weightRow` for where a row starts, and
 * `weightFour` for four neighbours in it.
 */
export function codecOf({ format }: Pick<Weight, 'format'>): Codec {
  return { name: format, source: sources[format] };
}

/** As `codecOf`, with `weightVec8` for eight neighbours in a row of whole vectors. It goes with `vec8Of`. */
export function wideCodecOf({ format }: Pick<Weight, 'format'>): Codec {
  return { name: `wide-${format}`, source: wideSources[format] };
}

/** Eight neighbouring numbers of a dtype, as kernels for GPUs load and multiply them. */
export function vec8Of(dtype: 'f32' | 'f16'): Codec {
  return { name: `vec8-${dtype}`, source: dtype === 'f16' ? vec8F16 : vec8F32 };
}

/** Several pieces of WGSL as one, whose errors still say which is meant. */
export function together(...parts: readonly Codec[]): Codec {
  const [first, ...others] = parts;
  const rest = others.map(({ name, source }) => `${fileLine(`${name}.wgsl`)}\n${source}`);
  return { name: parts.map(({ name }) => name).join('+'), source: [first?.source, ...rest].join('\n') };
}
