/** What the command lines of the tools have in common. */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { FrameFusionError, InputError, ProgramError } from '../engine/errors.ts';

/**
 * Runs a tool. What the caller or the machine did wrong is said on one line, with exit status 2; anything else is a
 * fault of the tool and keeps its stack.
 */
export async function runTool(name: string, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!isExpected(error)) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exitCode = 2;
  }
}

/** Ours, `parseArgs`' own, or the operating system's, such as a full disk. */
function isExpected(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const isUsage = 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  const isOurs = error instanceof FrameFusionError && !(error instanceof ProgramError);
  return isOurs || isUsage || 'syscall' in error;
}

/** @throws InputError if the text of `--flag` is no whole number. */
export function wholeNumber(flag: string, text: string): number {
  const number = Number(text);
  if (text !== '' && Number.isSafeInteger(number) && number >= 0) return number;
  throw new InputError(`--${flag} must be a whole number, got ${text}.`);
}

/** @throws InputError if the text of `--flag` is none of `allowed`. */
export function oneOf<const T extends string>(flag: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text);
  if (found !== undefined) return found;
  throw new InputError(`--${flag} must be one of ${allowed.join(', ')}, got ${text}.`);
}

/** A flag of a program: as `parseArgs` takes it, with a line of help. */
interface ProgramFlag {
  readonly type: 'string';
  readonly default?: string;
  /** Whether it must be given. */
  readonly needed?: true;
  readonly help: string;
}

/** A flag of {@link programFlags} that must be given. */
export const needed = (help: string) => ({ type: 'string', needed: true, help }) as const;

type ProgramFlags = Readonly<Record<string, ProgramFlag>>;

/**
 * The flags of a program that only developers run. `--help` prints `about` and the flags; what the command line has
 * besides them is one line. Both end the process.
 */
export function programFlags<const T extends ProgramFlags>(about: string, flags: T) {
  return programLine(about, flags, false).values;
}

/** As {@link programFlags}, with words that stand for no flag. */
export function programLine<const T extends ProgramFlags>(about: string, flags: T, allowPositionals = true) {
  try {
    const { values, positionals } = parseArgs({ options: flags, allowPositionals });
    const given: Readonly<Record<string, unknown>> = values;
    const missing = Object.keys(flags).find((name) => flags[name]!.needed && !given[name]);
    if (missing !== undefined) throw new InputError(`--${missing} is needed.`);
    type Needed = { readonly [K in keyof T as T[K] extends { needed: true } ? K : never]: string };
    return { values: values as typeof values & Needed, positionals };
  } catch (error) {
    const asked = process.argv.includes('--help') || process.argv.includes('-h');
    const lines = Object.entries<ProgramFlag>(flags).map(
      ([name, { help, default: value }]) => `  --${name.padEnd(14)} ${help}${value ? ` (default ${value})` : ''}`,
    );
    const program = basename(process.argv[1] ?? '', '.ts');
    if (asked) process.stdout.write(`${[about, '', ...lines].join('\n')}\n`);
    else process.stderr.write(`${program}: ${(error as Error).message.replace(/\.?$/, '.')} --help lists the flags.\n`);
    process.exit(asked ? 0 : 2);
  }
}
