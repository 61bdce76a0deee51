/** Figures that can be compared with those of another run. */
import { readFile } from 'node:fs/promises';
import { InputError } from '../../engine/errors.ts';
import type { BenchTable } from './print.ts';
import { amount } from './print.ts';
import type { Spread } from './timing.ts';

/** One figure, under a name that the same measurement has in every run. */
export interface Figure extends Spread {
  readonly id: string;
  readonly unit: string;
}

/** What an earlier run wrote by `--json`, as far as it is compared. */
export interface Baseline {
  readonly file: string;
  readonly date: string;
  readonly commit: string | null;
  readonly adapter: { readonly name: string };
  readonly figures: readonly Figure[];
}

/** @throws InputError if the file is no report of this bench. */
export async function readBaseline(file: string, bench: string): Promise<Baseline> {
  let report: { bench?: unknown; figures?: unknown };
  try {
    report = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw new InputError(`--baseline ${file}: cannot be read: ${(cause as Error).message}.`, { cause });
  }
  if (report?.bench !== bench || !Array.isArray(report.figures))
    throw new InputError(`--baseline ${file}: must be what ff-bench ${bench} --json wrote.`);
  return { ...(report as Omit<Baseline, 'file'>), file };
}

/** Every figure that both runs have, with its change. */
export function baselineTable(baseline: Baseline, figures: readonly Figure[]): BenchTable {
  const before = new Map(baseline.figures.map((figure) => [figure.id, figure]));
  const rows = figures.flatMap((now) => {
    const then = before.get(now.id);
    if (!then) return [];
    return [[now.id, amount(then.median, now.unit), amount(now.median, now.unit), change(then, now)]];
  });
  const of = baseline.commit ? `, commit ${baseline.commit.slice(0, 10)}` : '';
  return {
    title: `Against ${baseline.file} (${baseline.adapter.name}, ${baseline.date}${of})`,
    head: ['', 'before', 'now', 'change'],
    rows,
  };
}

/** In percent; a change within what the runs spread is said to be none. */
function change(then: Figure, now: Figure): string {
  const percent = 100 * (now.median / then.median - 1);
  if (!Number.isFinite(percent)) return '-';
  const text = `${percent > 0 ? '+' : ''}${percent.toFixed(1)} %`;
  const overlap = now.low <= then.high && then.low <= now.high;
  return overlap ? `${text} (spreads overlap)` : text;
}
