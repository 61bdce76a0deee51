/** What the command lines of the tools have in common. */
import { InputError } from '../engine/errors.ts';

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
  return error instanceof InputError || isUsage || 'syscall' in error;
}

/** @throws InputError if the text of `--flag` is no whole number. */
export function wholeNumber(flag: string, text: string): number {
  const number = Number(text);
  if (text !== '' && Number.isSafeInteger(number) && number >= 0) return number;
  throw new InputError(`--${flag} must be a whole number, got ${text}.`);
}

/** @throws InputError if the text of `--flag` is none of `allowed`. */
export function oneOf<T extends string>(flag: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text);
  if (found !== undefined) return found;
  throw new InputError(`--${flag} must be one of ${allowed.join(', ')}, got ${text}.`);
}
