/** What `ff-eval` reports. */
import type { RunSummary } from './summary.ts';

/** What `ff-eval --json` writes; `version` is raised when a field changes its meaning or goes. */
export interface EvalReport {
  readonly version: 2;
  readonly tool: string;
  /** The command line, and when it was done: ISO 8601. */
  readonly command: string;
  readonly date: string;
  readonly data: string;
  readonly questions: number;
  readonly videos: number;
  readonly model: string;
  readonly dtype: string;
  readonly adapter: string;
  /** With `--skip-broken`: videos that could not be read, and how many questions were not asked for that. */
  readonly skipped?: readonly SkippedVideo[];
  readonly runs: readonly RunSummary[];
}

/** A video that could not be read. */
export interface SkippedVideo {
  readonly video: string;
  readonly questions: number;
  readonly reason: string;
}
