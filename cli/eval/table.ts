/** An evaluation as a person reads it. */
import { shareText } from '../quantities.ts';
import { alignRows } from '../table.ts';
import { byReducer, denseOf } from './groups.ts';
import type { EvalReport } from './report.ts';
import type { Accuracy, RunSummary } from './summary.ts';

/** One line a reducer and budget. */
export function accuracyTable(report: EvalReport): string {
  return [origin(report), alignRows(accuracyRows(report))].join('\n');
}

/** The tables in Markdown, to be pasted where the figures are told. */
export function markdownTables(report: EvalReport): string {
  const tables = [budgetRows(report), accuracyRows(report), typeRows(report)];
  return [origin(report), ...tables.map(markdown)].join('\n\n');
}

function origin({ questions, videos, model, dtype, adapter, data }: EvalReport): string {
  return `${data}: ${questions} questions about ${videos} videos; ${model}, ${dtype}, on ${adapter}`;
}

/** Accuracy alone, a line a reducer, a column a budget; a star where the difference to `--against` leaves zero out. */
function budgetRows({ runs }: EvalReport): string[][] {
  const dense = denseOf({ runs });
  const budgets = [...new Set(runs.filter((run) => run !== dense).map(budgetOf))];
  const cell = (run: RunSummary | undefined): string => {
    const [low, high] = run?.overVideos?.against?.interval ?? [0, 0];
    return run ? `${shareText(run.right / run.total)}${low > 0 || high < 0 ? ' *' : ''}` : '';
  };
  const lines = byReducer({ runs }).map(({ name, runs: own }) => [
    name,
    ...budgets.map((budget) => cell(own.find((run) => run === dense || budgetOf(run) === budget))),
  ]);
  return [['reducer', ...budgets], ...lines];
}

function accuracyRows({ runs }: EvalReport): string[][] {
  const against = runs.find(({ overVideos }) => overVideos?.against)?.overVideos?.against?.reducer;
  const timed = against !== undefined && runs.every(({ seconds }) => seconds !== undefined);
  const head = [
    'reducer',
    runs.some(({ tokens }) => tokens !== undefined) ? 'budget' : 'cost',
    'computed',
    'right',
    'accuracy',
    '95 % interval',
    'merged, then pruned',
  ];
  if (against !== undefined) head.push(`minus ${against}`);
  if (timed) head.push('seconds');
  const lines = runs.map((run) => [
    run.reducer,
    budgetOf(run),
    shareText(run.computedShare),
    `${run.right}/${run.total}`,
    shareText(run.right / run.total),
    interval(run.overVideos?.interval ?? run.interval),
    run.reducer === 'framefusion' ? shareText(run.mergedThenPruned) : '',
    ...(against === undefined ? [] : [difference(run)]),
    ...(timed ? [(run.seconds ?? 0).toFixed(2)] : []),
  ]);
  return [head, ...lines];
}

function budgetOf({ cost, tokens }: RunSummary): string {
  return tokens === undefined ? cost.toString() : `${tokens} tokens`;
}

/** In points, with its interval; a star where that leaves zero out. */
function difference({ overVideos }: EvalReport['runs'][number]): string {
  const { against } = overVideos ?? {};
  if (!against) return '';
  const points = (share: number): string => `${share < 0 ? '-' : '+'}${Math.abs(100 * share).toFixed(1)}`;
  const [low, high] = against.interval;
  return `${points(against.difference)} (${points(low)} to ${points(high)})${low > 0 || high < 0 ? ' *' : ''}`;
}

function interval([low, high]: readonly [number, number]): string {
  return `${shareText(low)} to ${shareText(high)}`;
}

/** Accuracy by type, a column a reducer and budget. */
export function typeTable(report: EvalReport): string {
  return alignRows(typeRows(report));
}

function typeRows({ runs }: EvalReport): string[][] {
  const types = Object.keys(runs[0]?.byType ?? {});
  const name = (run: RunSummary): string => (run.reducer === 'none' ? 'dense' : `${run.reducer} ${budgetOf(run)}`);
  const cell = (found: Accuracy | undefined): string =>
    found && found.total > 0 ? shareText(found.right / found.total) : '-';
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
