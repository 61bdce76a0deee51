/** What every command does around its work: version, errors as one line, exit codes, signals. */
import { readFileSync } from 'node:fs';
import { UsageError } from './flags.ts';

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
 * Runs a command to its exit code: 0, 1 if it could not be done, 2 if the command line is wrong, 130 if interrupted.
 *
 * @param tool - What messages call it.
 */
export async function runCommand<A extends object>(tool: string, { parse, help, work }: Command<A>): Promise<void> {
  // `exit` runs the handlers that remove temporary files; it does not wait for the GPU.
  process.on('SIGINT', () => process.exit(130));
  process.on('SIGTERM', () => process.exit(143));
  // Whoever reads the output may stop reading: that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  try {
    const args = parse(process.argv.slice(2));
    if (args === 'help') process.stdout.write(`${help()}\n`);
    else if (args === 'version') process.stdout.write(`${packageVersion()}\n`);
    else await work(args, packageVersion());
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
