/** What `ff-bench kernels` reports. */
import type { BenchReport } from '../common/report.ts';
import type { Measured } from '../common/timing.ts';
import type { CopyRate } from './bandwidth.ts';

/** One kernel, timed. */
export interface KernelResult {
  readonly size: string;
  readonly kernel: string;
  readonly variant: string;
  readonly shape: string;
  readonly flops: number;
  readonly bytes: number;
  readonly measured: Measured;
  readonly flopsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** What `ff-bench kernels --json` writes. */
export interface KernelReport extends BenchReport {
  readonly bench: 'kernels';
  readonly computeDtype: 'f32' | 'f16';
  readonly quick: boolean;
  readonly copy: CopyRate;
  readonly results: readonly KernelResult[];
}
