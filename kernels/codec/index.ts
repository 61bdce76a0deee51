import type { Codec } from '../../engine/kernel.ts';
import type { Weight, WeightFormat } from '../weight.ts';
import bf16 from './bf16.wgsl';
import f16 from './f16.wgsl';
import f32 from './f32.wgsl';
import q4 from './q4.wgsl';
import q8 from './q8.wgsl';

const sources: Readonly<Record<WeightFormat, string>> = { f32, f16, bf16, q8, q4 };

/**
 * The WGSL that reads a kernel's operand `weight`: its element type `WeightWord`, `weightRow` for where a row starts, and
 * `weightFour` for four neighbours in it.
 */
export function codecOf({ format }: Weight): Codec {
  return { name: format, source: sources[format] };
}
