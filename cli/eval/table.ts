/** An evaluation as a person reads it. */
import { alignRows } from '../table.ts';
import type { EvalReport } from './report.ts';
import type { Accuracy } from './summary.ts';

/** One line a reducer and budget. */
export function accuracyTable(report: EvalReport): string {
  return [origin(report), alignRows(accuracyRows(report))].join('\n');
}

/** Both tables in Markdown, to be pasted where the figures are told. */
export function markdownTables(report: EvalReport): string {
  return [origin(report), markdown(accuracyRows(report)), markdown(typeRows(report))].join('\n\n');
}

function origin({ questions, videos, model, dtype, adapter, data }: EvalReport): string {
  return `${data}: ${questions} questions about ${videos} videos; ${model}, ${dtype}, on ${adapter}`;
}

function accuracyRows({ runs }: EvalReport): string[][] {
  const head = ['reducer', 'cost', 'computed', 'right', 'accuracy', '95 % interval', 'merged, then pruned'];
  const lines = runs.map((run) => [
    run.reducer,
    run.cost.toString(),
    percent(run.computedShare),
    `${run.right}/${run.total}`,
    percent(run.right / run.total),
    `${percent(run.interval[0])} to ${percent(run.interval[1])}`,
    run.reducer === 'framefusion' ? percent(run.mergedThenPruned) : '',
  ]);
  return [head, ...lines];
}

/** Accuracy by type, a column a reducer and budget. */
export function typeTable(report: EvalReport): string {
  return alignRows(typeRows(report));
}

function typeRows({ runs }: EvalReport): string[][] {
  const types = Object.keys(runs[0]?.byType ?? {});
  const name = ({ reducer, cost }: { reducer: string; cost: number }): string =>
    reducer === 'none' ? 'dense' : `${reducer} ${cost}`;
  const cell = (found: Accuracy | undefined): string =>
    found && found.total > 0 ? percent(found.right / found.total) : '-';
  return [
    ['type', 'questions', ...runs.map(name)],
    ...types.map((type) => [
      type,
      String(runs[0]?.byType[type]?.total ?? 0),
      ...runs.map((run) => cell(run.byType[type])),
    ]),
  ];
}

function markdown([head = [], ...rows]: readonly string[][]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
