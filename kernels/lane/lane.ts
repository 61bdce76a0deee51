/** How many numbers a lane of a bandwidth-bound kernel takes at a time. */
import type { DeviceContext } from '../../engine/device-context.ts';
import type { Codec } from '../../engine/kernel.ts';
import { together, vec8Of } from '../codec/codec.ts';
import eight from './eight.wgsl';
import one from './one.wgsl';

/** What a kernel's text ends with, and what its dispatch counts by. */
export interface Lane {
  /** Neighbours of a row that a lane takes. */
  readonly width: 1 | 8;
  /** Lanes that share a row which is summed. */
  readonly team: number;
  readonly codec: Codec;
}

const ONE: Lane = { width: 1, team: 32, codec: { name: 'one', source: one } };

const eightInto = (out: 'f32' | 'f16'): Lane => ({
  width: 8,
  team: 64,
  codec: together({ name: 'eight', source: eight }, vec8Of(out)),
});
const EIGHT = { f32: eightInto('f32'), f16: eightInto('f16') };

/**
 * Eight numbers on a GPU, whose memory wants loads of 16 bytes; one on a software adapter, where a lane's load of eight is eight loads.
 *
 * @param out - dtype of what the kernel writes.
 * @param sizes - Lengths and strides of the rows: each must be a multiple of what a lane takes.
 */
export function laneOf(
  { adapterKind }: Pick<DeviceContext, 'adapterKind'>,
  out: 'f32' | 'f16',
  ...sizes: readonly number[]
): Lane {
  return adapterKind === 'gpu' && sizes.every((size) => size % 8 === 0) ? EIGHT[out] : ONE;
}
