/** What every bench reports. */
import type { Figure } from './figures.ts';
import type { Origin } from './origin.ts';

/** What every bench writes by `--json`, whatever else it has to say. */
export interface BenchReport extends Origin {
  readonly bench: 'model' | 'kernels' | 'peers';
  readonly figures: readonly Figure[];
}
