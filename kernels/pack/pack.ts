import { Kernel } from '../../engine/kernel.ts';
import type { Recorder } from '../../engine/recorder.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { ceilDiv } from '../grid.ts';
import { BLOCK, type WeightFormat } from '../weight.ts';
import packBf16 from './pack-bf16.wgsl';
import packF16 from './pack-f16.wgsl';
import packF32 from './pack-f32.wgsl';
import packQ4 from './pack-q4.wgsl';
import packQ8 from './pack-q8.wgsl';
import readBf16 from './read-bf16.wgsl';
import readF16 from './read-f16.wgsl';
import readF32 from './read-f32.wgsl';

const readers = { f32: readF32, f16: readF16, bf16: readBf16 };

/** With the weights that a thread packs. */
const kernels = {
  f32: { kernel: new Kernel('pack-f32', packF32), unit: 4 },
  f16: { kernel: new Kernel('pack-f16', packF16), unit: 4 },
  bf16: { kernel: new Kernel('pack-bf16', packBf16), unit: 4 },
  q8: { kernel: new Kernel('pack-q8', packQ8), unit: BLOCK },
  q4: { kernel: new Kernel('pack-q4', packQ4), unit: BLOCK },
} satisfies Record<WeightFormat, { kernel: Kernel; unit: number }>;

/** Into what, and where. */
export interface PackOptions {
  readonly format: WeightFormat;
  /** Row of `packed` that the first row of `source` becomes. */
  readonly first: number;
  /** u32; its element `slot` is raised by the number of weights that the format cannot hold. */
  readonly misfits: Tensor;
  readonly slot: number;
}

/**
 * Packs rows of weights into a format.
 *
 * Floats are rounded to nearest even; beyond the largest they become infinite, and are counted. The errors of q8 and q4
 * are at most about half a step, of which 127 reach from 0 to a block's largest magnitude, or 15 from its least weight to
 * its greatest. In them, what is not finite is counted, and spoils its block.
 *
 * @param source - `[rows, columns]`, f32, f16 or bf16, without padding.
 * @param packed - A part of a weight of `columns`.
 */
export function pack(rec: Recorder, source: Tensor, packed: Tensor, options: PackOptions): void {
  const [rows, k] = source.shape2();
  const { kernel, unit } = kernels[options.format];
  const reader = source.dtype as keyof typeof readers;
  rec.dispatch(kernel, {
    operands: { source, packed, misfits: options.misfits },
    params: { rows, k, first: options.first, slot: options.slot },
    codec: { name: reader, source: readers[reader] },
    workgroups: [ceilDiv(Math.ceil(k / unit), 64), rows],
  });
}
