/** What the command lines of all tools share: a table of flags that parsing, checking and the help text are made from. */
import { parseArgs } from 'node:util';
import { distance } from 'fastest-levenshtein';
import { FrameFusionError } from '../engine/errors.ts';
import { adapterChoices } from '../engine/node-adapter.ts';
import { plainText, quoted } from '../engine/text.ts';

/** A command line that cannot be understood; exit code 2. */
export class UsageError extends FrameFusionError {
  static {
    UsageError.prototype.name = 'UsageError';
  }
}

/** One flag: with a value, which the help text calls so, or without. */
export interface Flag {
  readonly value?: string;
  /** A letter for it. */
  readonly short?: string;
  /** Whether it may be given several times. */
  readonly many?: boolean;
  readonly help: string;
}

export type FlagTable = Readonly<Record<string, Flag>>;

/** Flags that several commands have, in the same words. */
export const shared = {
  adapter: { value: 'NAME', help: `${adapterChoices.join(', ')} (default auto)` },
  dtype: { value: 'NAME', help: 'weights in auto (as stored), f32, bf16, f16, q8 or q4 (default auto)' },
  quiet: { help: 'no progress, no notes' },
  help: { short: 'h', help: 'this text' },
  version: { help: 'the version' },
} as const satisfies FlagTable;

/** More rows than a sequence can have: no count of frames, tokens, layers or rows is larger. */
const MOST_ROWS = 65_535;

/** The lines of the help text about the flags. */
export function flagLines(flags: FlagTable): string[] {
  return Object.entries(flags).map(([name, { value, short, help }]) => {
    const names = `${short ? `-${short}, ` : ''}--${name}`;
    return `  ${`${names}${value ? ` ${value}` : ''}`.padEnd(26)} ${help}`;
  });
}

/** The values of a command line, by flag. */
export class FlagValues<T extends FlagTable> {
  readonly #values: Readonly<Record<string, readonly (string | boolean)[] | undefined>>;

  /**
   * @param positional - Flags that words without a flag stand for, in order, as far as they are not given; all that
   *   are left, for the last if it may be given several times.
   * @throws UsageError for an unknown flag, one without its value, or one that has two.
   */
  constructor(tool: string, flags: T, argv: readonly string[], positional: readonly (keyof T & string)[] = []) {
    const seeHelp = `See ${tool} --help.`;
    const { values, positionals } = parse(flags, argv, seeHelp);
    const takesRest = (name: string): boolean => name === positional.at(-1) && flags[name]?.many === true;
    const free = positional.filter((name) => takesRest(name) || values[name] === undefined);
    for (const word of positionals) {
      const [name] = free;
      if (name === undefined) throw new UsageError(`Unexpected argument ${quoted(word)}. ${seeHelp}`);
      values[name] = [...(values[name] ?? []), word];
      if (!takesRest(name)) free.shift();
    }
    this.#values = values;
    for (const [name, { value, many }] of Object.entries(flags))
      if (value && !many && this.texts(name).length > 1) throw new UsageError(`--${name} is given twice. ${seeHelp}`);
  }

  has(flag: keyof T & string): boolean {
    return this.#values[flag] !== undefined;
  }

  text(flag: keyof T & string): string | undefined {
    return this.texts(flag)[0];
  }

  /** Of a flag that may be given several times, in their order. */
  texts(flag: keyof T & string): string[] {
    return (this.#values[flag] ?? []).filter((value) => typeof value === 'string');
  }

  /** @param allowed - What the number must be, in words that follow "must be". */
  number(flag: keyof T & string, allowed: string, ok: (x: number) => boolean): number | undefined {
    const text = this.text(flag);
    return text === undefined ? undefined : parseNumber(flag, text, allowed, ok);
  }

  /** Several, with commas between them; each once. */
  numbers(flag: keyof T & string, allowed: string, ok: (x: number) => boolean): number[] | undefined {
    return this.#several(flag, (text) => parseNumber(flag, text, allowed, ok));
  }

  /** A whole number from 1 on. */
  count(flag: keyof T & string, most = MOST_ROWS): number | undefined {
    return this.number(flag, `a whole number from 1 to ${most}`, (x) => Number.isSafeInteger(x) && x >= 1 && x <= most);
  }

  /** @param also - What else is allowed. */
  oneOf<const V extends string>(flag: keyof T & string, allowed: readonly V[], also?: Also): V | undefined {
    const text = this.text(flag);
    return text === undefined ? undefined : parseOneOf(flag, text, allowed, also);
  }

  /** Several, with commas between them; each once. */
  someOf<const V extends string>(flag: keyof T & string, allowed: readonly V[], also?: Also): V[] | undefined {
    return this.#several(flag, (text) => parseOneOf(flag, text, allowed, also));
  }

  #several<V>(flag: keyof T & string, parseOne: (text: string) => V): V[] | undefined {
    const text = this.text(flag);
    return text === undefined ? undefined : [...new Set(text.split(',').map(parseOne))];
  }
}

/** A key only where there is a value: an explicit `undefined` is not an absent key. */
export function given<K extends string, T>(key: K, value: T | undefined): { [key in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]?: T });
}

/** `Did you mean X? `, where one of `known` is spelt nearly like `word`; else nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = known
    .map((name) => ({ name, off: distance(word.toLowerCase().slice(0, 100), name.toLowerCase()) }))
    .filter(({ name, off }) => off <= Math.max(1, Math.floor(Math.min(word.length, name.length) / 3)))
    .sort((a, b) => a.off - b.off);
  return near[0] ? `Did you mean ${near[0].name}? ` : '';
}

function parse(flags: FlagTable, argv: readonly string[], seeHelp: string) {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { value, short }]) => {
      const type = value ? ('string' as const) : ('boolean' as const);
      return [name, { type, multiple: true as const, ...(short !== undefined && { short }) }];
    }),
  );
  try {
    const { values, positionals } = parseArgs({ args: joinDashes(argv), options, allowPositionals: true });
    return { values: values as Record<string, readonly (string | boolean)[]>, positionals };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const [sentence = ''] = message.split(/\.\s|\n/);
    const unknown = code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? (/'(--?[^']*)'/.exec(message)?.[1] ?? '') : '';
    const hint =
      unknown &&
      didYouMean(
        unknown,
        Object.keys(flags).map((name) => `--${name}`),
      );
    throw new UsageError(`${plainText(sentence.replace(/\.$/, ''))}. ${hint}${seeHelp}`);
  }
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

/** Values of a flag that no list has. */
type Also = (value: string) => boolean;

function parseOneOf<const V extends string>(flag: string, text: string, allowed: readonly V[], also?: Also): V {
  const found = allowed.find((value) => value === text) ?? (also?.(text) ? (text as V) : undefined);
  if (found !== undefined) return found;
  throw new UsageError(
    `--${flag} must be ${allowed.join(', ')}, got ${quoted(text)}. ${didYouMean(text, allowed)}`.trimEnd(),
  );
}
