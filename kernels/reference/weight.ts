import { bf16ToF32, f16ToF32 } from '../../engine/floats.ts';
import { BLOCK, storedRow, type WeightFormat } from '../weight.ts';

/** The weights `[rows, columns]` that packed words stand for, by the text of `kernels/codec/<format>.wgsl`. */
export function unpack(format: WeightFormat, words: Uint32Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns);
  const stride = words.length / rows;
  for (let row = 0; row < rows; row++) {
    const mine = words.subarray(row * stride, (row + 1) * stride);
    for (let i = 0; i < columns; i++) out[row * columns + i] = one(format, mine, i);
  }
  return out;
}

/** What a block's codes are steps of, at each weight of a row. */
export function stepOf(format: 'q8' | 'q4', words: Uint32Array, i: number): number {
  const head = words[blockOf(format, i)]!;
  return format === 'q8' ? f32(head) : bf16ToF32(Uint16Array.of(head & 0xffff))[0]!;
}

function one(format: WeightFormat, words: Uint32Array, i: number): number {
  const half = Uint16Array.of((words[i >> 1]! >>> (16 * (i % 2))) & 0xffff);
  if (format === 'f32') return f32(words[i]!);
  if (format === 'f16') return f16ToF32(half)[0]!;
  if (format === 'bf16') return bf16ToF32(half)[0]!;
  const block = blockOf(format, i);
  const at = i % BLOCK;
  if (format === 'q8') return ((words[block + 1 + (at >> 2)]! << (24 - 8 * (at % 4))) >> 24) * f32(words[block]!);
  const [least = 0] = bf16ToF32(Uint16Array.of(words[block]! >>> 16));
  const code = (words[block + 1 + (at >> 3)]! >>> (4 * (at % 8))) & 15;
  return code * stepOf('q4', words, i) + least;
}

function blockOf(format: 'q8' | 'q4', i: number): number {
  return storedRow(format, BLOCK).length * Math.floor(i / BLOCK);
}

function f32(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0]!;
}
