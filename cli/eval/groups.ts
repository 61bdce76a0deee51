/** The runs of an evaluation as tables and charts want them: by reducer, by type, beside the dense model. */
import type { Series } from '../../charts/series.ts';
import type { EvalReport } from './report.ts';
import type { Accuracy, RunSummary } from './summary.ts';

/** A report as `ff-eval` makes it, or one that was written before it knew when and by which command it was made. */
export type Printable = Omit<EvalReport, 'date' | 'command'> & Partial<Pick<EvalReport, 'date' | 'command'>>;

/** What a report has of runs. */
export type Runs = Pick<EvalReport, 'runs'>;

/** All budgets of one reducer. */
export interface ReducerRuns {
  readonly name: string;
  readonly runs: readonly RunSummary[];
}

/** Share of right answers; NaN without questions. */
export const share = ({ right, total }: Accuracy): number => right / total;

/** The model without reduction, if it was asked. */
export function denseOf({ runs }: Runs): RunSummary | undefined {
  return runs.find(({ reducer }) => reducer === 'none');
}

/** What a reducer is called in print. */
export const nameOf = (reducer: string): string => (reducer === 'none' ? 'dense' : reducer);

/** The runs by reducer, the dense model first, else in the order of the report. */
export function byReducer({ runs }: Runs): ReducerRuns[] {
  const names = [...new Set(runs.map(({ reducer }) => reducer))];
  const ordered = [...names.filter((name) => name === 'none'), ...names.filter((name) => name !== 'none')];
  return ordered.map((name) => ({ name: nameOf(name), runs: runs.filter(({ reducer }) => reducer === name) }));
}

/** Every type that any run knows. */
export function typesOf({ runs }: Runs): string[] {
  return [...new Set(runs.flatMap(({ byType }) => Object.keys(byType)))];
}

/** Accuracy on one type; nothing for a run without it, and none of what objects inherit. */
export function ofType({ byType }: RunSummary, type: string): Accuracy | undefined {
  return Object.hasOwn(byType, type) ? byType[type] : undefined;
}

/** How many questions of a type were asked. */
export function questionsOf({ runs }: Runs, type: string): number {
  return Math.max(0, ...runs.map((run) => ofType(run, type)?.total ?? 0));
}

/** A curve for every reducer but dense: accuracy, or what `of` picks, over the budget. */
export function curves(
  report: Runs,
  of: (run: RunSummary) => Accuracy | undefined = (run) => run,
): { series: Series[]; reference?: Series['points'][number] & { name: string } } {
  const point = (run: RunSummary) => {
    const found = of(run);
    if (!found || found.total === 0) return [];
    const [low, high] = (found === run && run.overVideos?.interval) || found.interval;
    return [{ x: run.cost, y: share(found), low, high }];
  };
  const dense = denseOf(report);
  const [level] = dense ? point(dense) : [];
  const series = byReducer(report)
    .filter(({ runs }) => runs[0]?.reducer !== 'none')
    .map(({ name, runs }) => ({ name, points: runs.flatMap(point) }));
  return { series, ...(level && { reference: { ...level, name: 'dense' } }) };
}
