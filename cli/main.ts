/** What every command does around its work: version, errors as one line, exit codes. */
import { readFileSync } from 'node:fs';
import { FrameFusionError, ProgramError } from '../engine/errors.ts';
import { escapeControls } from '../engine/text.ts';
import { UsageError } from './flags.ts';
import { standardOutput } from './standard-output.ts';
import { isSupervised, obeySupervisor, supervise } from './supervisor.ts';

/** What package.json says of the package. */
interface PackageFacts {
  readonly name: string;
  readonly version: string;
  readonly bugs: { readonly url: string };
}

function packageFacts(): PackageFacts {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
}

/** One command. */
export interface Command<A> {
  /** The arguments, or the one thing that was asked for instead. @throws UsageError with one line. */
  parse(argv: readonly string[]): A | 'help' | 'version' | 'examples';
  /** The text of `--help`. */
  help(): string;
  /** How long it may take to end by itself after a signal; default hardly at all. */
  readonly graceMs?: number;
  /** The text of `--examples`, for a command that has some. */
  examples?(): string;
  /**
   * The work. The process that the user starts only parses and waits, so import here what only the work needs.
   *
   * @param version - Name and version, for reports.
   */
  work(args: A, version: string): Promise<void>;
}

/**
 * Runs a command to its end: exit code 0, 1 if it could not be done, 2 if the command line is wrong, or the signal by
 * which it was ended.
 *
 * @param tool - What messages call it.
 */
export async function runCommand<A extends object>(
  tool: string,
  { parse, help, examples, work, graceMs }: Command<A>,
): Promise<void> {
  try {
    const args = parse(process.argv.slice(2));
    if (typeof args === 'object' && !isSupervised) return await supervise(tool, graceMs);
    if (args === 'help') standardOutput.write(`${help()}\n`);
    else if (args === 'examples') standardOutput.write(`${examples?.()}\n`);
    else {
      const { name, version } = packageFacts();
      if (args === 'version') standardOutput.write(`${name} ${version}\n`);
      else {
        obeySupervisor();
        await work(args, `${name} ${version}`);
      }
    }
    await standardOutput.finish();
  } catch (error) {
    process.exitCode = error instanceof UsageError ? 2 : 1;
    process.stderr.write(`${tool}: ${describeError(error)}\n`);
  }
}

/** One line for what a user can mend; a fault of the program keeps its stack and says where to report it. */
export function describeError(error: unknown): string {
  if (error instanceof FrameFusionError && !(error instanceof ProgramError)) return error.message;
  const { name, version, bugs } = packageFacts();
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const text = `this is a fault of ${name}, please report it at ${bugs.url}:\n${name} ${version}, Node ${process.version}, ${process.platform}\n${stack}`;
  return escapeControls(text, '\n\t');
}
