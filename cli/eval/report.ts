/** What `ff-eval` reports. */
import type { RunSummary } from './summary.ts';

/** What `ff-eval --json` writes; `version` is raised when a field changes its meaning or goes. */
export interface EvalReport {
  readonly version: 1;
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
  readonly runs: readonly RunSummary[];
}
