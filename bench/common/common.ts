/** What all benches share: flags, and what they do with their figures. */
import type { Markup } from '../../charts/markup.ts';
import { count, exitCodes, fileOf, flag, shared, text, type Values, whole } from '../../cli/flags.ts';
import { checkOutputs, everyOutput, writeJson, writeOutput } from '../../cli/output.ts';
import { standardOutput } from '../../cli/standard-output.ts';
import { type Baseline, baselineTable, readBaseline } from './figures.ts';
import { type BenchTable, tableText } from './print.ts';
import type { BenchReport } from './report.ts';

/** Flags that every bench has. */
export const commonFlags = {
  rounds: flag('N', 'times that everything is timed, in turn (default 5)', count(), 5),
  seed: flag('N', 'of everything that is drawn (default 0)', whole(), 0),
  baseline: flag('FILE', 'show the change against what an earlier run wrote by --json', text),
  json: flag('FILE|-', 'write everything; - prints it and nothing else', text),
  report: flag('FILE.html', 'write tables and curves as a page', fileOf(/\.html$/i, 'a .html file')),
  adapter: shared.adapter,
  quiet: shared.quiet,
  help: shared.help,
  version: shared.version,
};

export const EXIT_CODES = exitCodes('1 failed or a wrong result');

export type CommonArguments = Values<typeof commonFlags>;

/** What has to be known before the work: that its results can be written, and what they are compared with. */
export async function prepareOutput(args: CommonArguments, bench: string): Promise<Baseline | undefined> {
  const outputs = (['json', 'report'] as const).map((flag) => ({ flag: `--${flag}`, path: args[flag] }));
  await checkOutputs(outputs, [{ flag: '--baseline', path: args.baseline }]);
  return args.baseline === undefined ? undefined : readBaseline(args.baseline, bench);
}

/** What a bench shows of its report. */
export interface Results {
  readonly tables: readonly BenchTable[];
  readonly baseline: Baseline | undefined;
  /** Draws the curves of the page, if it has any. */
  readonly curves?: () => Promise<Markup>;
}

/** Prints and writes what was measured. */
export async function deliver(
  args: CommonArguments,
  report: BenchReport,
  { tables, baseline, curves }: Results,
): Promise<void> {
  const all = baseline ? [...tables, baselineTable(baseline, report.figures)] : tables;
  await everyOutput([
    async () => args.json !== undefined && writeJson(args.json, report),
    async () => {
      if (args.report === undefined) return;
      const { benchHtml } = await import('./html.ts'); // brings the charts, which who wants none need not wait for
      await writeOutput('--report', args.report, benchHtml(report, all, await curves?.()));
    },
  ]);
  if (args.json !== '-') standardOutput.write(`${[headLine(report), ...all.map(tableText)].join('\n\n')}\n`);
}

function headLine({ bench, adapter, date, commit, seed }: BenchReport): string {
  const of = commit === null ? '' : `, commit ${commit.slice(0, 10)}${commit.endsWith('+') ? '+' : ''}`;
  return `ff-bench ${bench} on ${adapter.name} (${adapter.kind}), ${date}${of}, seed ${seed}`;
}
