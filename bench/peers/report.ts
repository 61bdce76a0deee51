/** What `ff-bench peers` reports. */
import type { BenchReport } from '../common/report.ts';
import type { Measured } from '../common/timing.ts';

/** One contestant at one job. */
export interface PeerResult {
  readonly job: string;
  readonly flops: number;
  readonly engine: string;
  readonly version: string;
  readonly format: string;
  readonly ours: boolean;
  /** Absent where it could not. */
  readonly measured?: Measured;
  readonly reason?: string;
}

/** What `ff-bench peers --json` writes. */
export interface PeerReport extends BenchReport {
  readonly bench: 'peers';
  readonly results: readonly PeerResult[];
  /** Peers that could not be started here, each with the reason. */
  readonly missing: readonly string[];
}
