/** What every command does around its work: version, errors as one line, exit codes. */
import { readFileSync } from 'node:fs';
import { UsageError } from './flags.ts';
import { standardOutput } from './standard-output.ts';
import { isSupervised, obeySupervisor, supervise } from './supervisor.ts';

/** Names of the errors whose message is all that a user needs. Anything else is a fault of ours and keeps its stack. */
const expected = new Set(['DeviceError', 'KernelError', 'ShapeError', 'WeightsError', 'InputError', 'VideoError']);

/** Name and version of the package. */
function packageVersion(): string {
  const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return `${name} ${version}`;
}

/** One command. */
export interface Command<A> {
  /** The arguments, or the one thing that was asked for instead. @throws UsageError with one line. */
  parse(argv: readonly string[]): A | 'help' | 'version';
  /** The text of `--help`. */
  help(): string;
  /** @param version - Name and version, for reports. */
  work(args: A, version: string): Promise<void>;
}

/**
 * Runs a command to its end: exit code 0, 1 if it could not be done, 2 if the command line is wrong, or the signal by
 * which it was ended.
 *
 * @param tool - What messages call it.
 */
export async function runCommand<A extends object>(tool: string, { parse, help, work }: Command<A>): Promise<void> {
  try {
    const args = parse(process.argv.slice(2));
    if (typeof args === 'object' && !isSupervised) return await supervise(tool);
    if (args === 'help') standardOutput.write(`${help()}\n`);
    else if (args === 'version') standardOutput.write(`${packageVersion()}\n`);
    else {
      obeySupervisor();
      await work(args, packageVersion());
    }
    await standardOutput.finish();
  } catch (error) {
    process.exitCode = error instanceof UsageError ? 2 : 1;
    process.stderr.write(`${tool}: ${describe(tool, error)}\n`);
  }
}

function describe(tool: string, error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof UsageError || expected.has(error.name)) return error.message.replace(/\s*\n\s*/g, ' ');
  return `this is a fault of ${tool}, please report it: ${error.stack ?? error.message}`;
}
