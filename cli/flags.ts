/** What the command lines of all tools share: a table of flags that parsing, checking and the help text are made from. */
import { parseArgs } from 'node:util';
import { FrameFusionError } from '../engine/errors.ts';
import { quoted } from '../engine/text.ts';

/** A command line that cannot be understood; exit code 2. */
export class UsageError extends FrameFusionError {
  static {
    UsageError.prototype.name = 'UsageError';
  }
}

/** One flag: with a value, which the help text calls so, or without. */
export interface Flag {
  readonly value?: string;
  /** Whether it may be given several times. */
  readonly many?: boolean;
  readonly help: string;
}

export type FlagTable = Readonly<Record<string, Flag>>;

/** The lines of the help text about the flags. */
export function flagLines(flags: FlagTable): string[] {
  return Object.entries(flags).map(
    ([name, { value, help }]) => `  ${`--${name}${value ? ` ${value}` : ''}`.padEnd(26)} ${help}`,
  );
}

/** The values of a command line, by flag. */
export class FlagValues<T extends FlagTable> {
  readonly #values: Partial<Record<string, string | boolean | (string | boolean)[]>>;

  /** @throws UsageError for an unknown flag, or one without its value. */
  constructor(tool: string, flags: T, argv: readonly string[]) {
    const options = Object.fromEntries(
      Object.entries(flags).map(([name, { value, many = false }]) => {
        const type = value ? ('string' as const) : ('boolean' as const);
        return [name, { type, multiple: many, ...(name === 'help' && { short: 'h' }) }];
      }),
    );
    try {
      this.#values = parseArgs({ args: joinDashes(argv), options, strict: true }).values;
    } catch (error) {
      const [sentence = ''] = (error as Error).message.split(/\.\s|\n/);
      throw new UsageError(`${sentence.replace(/\.$/, '')}. See ${tool} --help.`);
    }
  }

  has(flag: keyof T & string): boolean {
    return this.#values[flag] === true;
  }

  text(flag: keyof T & string): string | undefined {
    const value = this.#values[flag];
    return typeof value === 'string' ? value : undefined;
  }

  /** Of a flag that may be given several times, in their order. */
  texts(flag: keyof T & string): string[] {
    const values = this.#values[flag];
    return Array.isArray(values) ? values.filter((value) => typeof value === 'string') : [];
  }

  /** @param allowed - What the number must be, in words that follow "must be". */
  number(flag: keyof T & string, allowed: string, ok: (x: number) => boolean): number | undefined {
    const text = this.text(flag);
    return text === undefined ? undefined : parseNumber(flag, text, allowed, ok);
  }

  /** Several, with commas between them. */
  numbers(flag: keyof T & string, allowed: string, ok: (x: number) => boolean): number[] | undefined {
    return this.text(flag)
      ?.split(',')
      .map((text) => parseNumber(flag, text, allowed, ok));
  }

  count(flag: keyof T & string): number | undefined {
    return this.number(flag, 'a whole number from 1 on', (x) => Number.isSafeInteger(x) && x >= 1);
  }

  oneOf<const V extends string>(flag: keyof T & string, allowed: readonly V[]): V | undefined {
    const text = this.text(flag);
    return text === undefined ? undefined : parseOneOf(flag, text, allowed);
  }

  /** Several, with commas between them. */
  someOf<const V extends string>(flag: keyof T & string, allowed: readonly V[]): V[] | undefined {
    return this.text(flag)
      ?.split(',')
      .map((text) => parseOneOf(flag, text, allowed));
  }
}

/** A key only where there is a value: an explicit `undefined` is not an absent key. */
export function given<K extends string, T>(key: K, value: T | undefined): { [key in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]?: T });
}

/** `parseArgs` takes `-1` and `-` after a flag for flags; as a number, or as a stream, they belong to the one before. */
function joinDashes(argv: readonly string[]): string[] {
  const joined: string[] = [];
  for (const argument of argv) {
    const before = joined.at(-1);
    if (/^-([\d.].*)?$/.test(argument) && before?.startsWith('--') && !before.includes('='))
      joined[joined.length - 1] = `${before}=${argument}`;
    else joined.push(argument);
  }
  return joined;
}

function parseNumber(flag: string, text: string, allowed: string, ok: (x: number) => boolean): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value) && ok(value)) return value;
  throw new UsageError(`--${flag} must be ${allowed}, got ${quoted(text)}.`);
}

function parseOneOf<const V extends string>(flag: string, text: string, allowed: readonly V[]): V {
  const found = allowed.find((value) => value === text);
  if (found !== undefined) return found;
  throw new UsageError(`--${flag} must be ${allowed.join(', ')}, got ${quoted(text)}.`);
}
