/** How fast an adapter copies: what memory-bound kernels are measured by. */
import type { Runtime } from '../../engine/runtime.ts';
import { fairSeconds, type Measured, timeShort } from '../common/timing.ts';

export interface CopyRate {
  readonly bytes: number;
  readonly measured: Measured;
  /** Read and written, together. */
  readonly bytesPerSecond: number;
}

/** Copies a buffer that no cache holds, unless `quick`. */
export async function copyRate(
  runtime: Runtime,
  { rounds, quick }: { rounds: number; quick: boolean },
): Promise<CopyRate> {
  const size = quick ? 2 ** 23 : Math.min(2 ** 28, runtime.device.limits.maxBufferSize);
  const [from, to] = ['copied', 'copy'].map((label) => runtime.reserve(label, [size / 4], 'f32'));
  try {
    const measured = await timeShort(runtime, (rec) => rec.copy(from!, to!), rounds);
    const { median } = fairSeconds(runtime.adapterKind, measured);
    return { bytes: 2 * size, measured, bytesPerSecond: (2 * size) / median };
  } finally {
    for (const tensor of [from, to]) runtime.free(tensor!);
  }
}
