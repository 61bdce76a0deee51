/** What the command lines of all tools share: a table of flags, from which values, checks and the help text are made. */
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

/** One flag; `V` is what a command line says by it. */
export interface Flag<V = unknown> {
  /** What the help text calls its value; absent for a switch. */
  readonly value?: string;
  readonly help: string;
  /** A letter for it. */
  readonly short?: string;
  /** Whether it may be given several times. */
  readonly many?: boolean;
  /** Whether it must be given. */
  readonly needed?: boolean;
  /** Whether it asks for something else than the work. */
  readonly instead?: boolean;
  /** @param texts - What was given for it, in order. @throws UsageError for what it does not allow. */
  read(texts: readonly string[], name: string): V;
}

export type FlagTable = Readonly<Record<string, Flag>>;

type Camel<S extends string> = S extends `${infer A}-${infer B}` ? `${A}${Capitalize<Camel<B>>}` : S;
type Read<F> = F extends Flag<infer V> ? V : never;
type Always<F, Name> = [Read<F>] extends [never] ? never : undefined extends Read<F> ? never : Name;
type Sometimes<F, Name> = [Read<F>] extends [never] ? never : undefined extends Read<F> ? Name : never;

/** What a command line says, by flag in camel case; without a key for what it says nothing about. */
export type Values<T extends FlagTable> = {
  readonly [K in keyof T & string as Always<T[K], Camel<K>>]: Read<T[K]>;
} & { readonly [K in keyof T & string as Sometimes<T[K], Camel<K>>]?: Exclude<Read<T[K]>, undefined> };

/** What may be asked for instead of the work. */
type Instead<T extends FlagTable> = { [K in keyof T]: [Read<T[K]>] extends [never] ? K : never }[keyof T] & string;

/** Reads the text that is given for a flag. @throws UsageError */
export type Reader<V> = (text: string, name: string) => V;

/** A flag with a value. @param otherwise - Its value where it is not given. */
export function flag<V, const D = undefined>(value: string, help: string, read: Reader<V>, otherwise?: D): Flag<V | D> {
  return { value, help, read: ([text], name) => (text === undefined ? (otherwise as D) : read(text, name)) };
}

/** A flag that may be given several times. */
export function repeated<V>(value: string, help: string, read: Reader<V>): Flag<readonly V[]> {
  return { value, help, many: true, read: (texts, name) => texts.map((text) => read(text, name)) };
}

/** A flag that must be given. */
export function needed<V>(one: Flag<V | undefined>): Flag<V> {
  return { ...(one as Flag<V>), needed: true };
}

/** A flag without a value. */
export function on(help: string): Flag<boolean> {
  return { help, read: (texts) => texts.length > 0 };
}

/** A flag without a value, whose absence says less than `false`. */
export function onIfGiven(help: string): Flag<true | undefined> {
  return { help, read: (texts) => texts.length > 0 || undefined };
}

/** A flag without a value that asks for something else than the work. */
export function instead(help: string): Flag<never> {
  return { help, instead: true, read: () => undefined as never };
}

/** Any text. */
export const text: Reader<string> = (given) => given;

/** A number. @param allowed - What it must be, in words that follow "must be". */
export function number(allowed: string, ok: (x: number) => boolean): Reader<number> {
  return (given, name) => {
    const value = given.trim() === '' ? Number.NaN : Number(given);
    if (Number.isFinite(value) && ok(value)) return value;
    throw new UsageError(`--${name} must be ${allowed}, got ${quoted(given)}.`);
  };
}

/** More rows than a sequence can have: no count of frames, tokens, layers or rows is larger. */
const MOST_ROWS = 65_535;

/** A whole number from 1 on. */
export function count(most = MOST_ROWS): Reader<number> {
  return number(`a whole number from 1 to ${most}`, (x) => Number.isSafeInteger(x) && x >= 1 && x <= most);
}

/** A whole number from 0 on. */
export function whole(below = Number.MAX_SAFE_INTEGER): Reader<number> {
  return number('a whole number from 0 on', (x) => Number.isSafeInteger(x) && x >= 0 && x < below);
}

export const positive = number('above 0', (x) => x > 0);
/** A share of something, but not nothing. */
export const share = number('above 0 and at most 1', (x) => x > 0 && x <= 1);
export const fraction = number('from 0 to 1', (x) => x >= 0 && x <= 1);

/** Gigabytes, in bytes. */
export const gigabytes: Reader<number> = (given, name) => 1e9 * positive(given, name);

/** One of some names. @param also - What else is allowed. */
export function oneOf<const V extends string>(
  allowed: readonly V[],
  also: (given: string) => boolean = () => false,
): Reader<V> {
  return (given, name) => {
    const found = allowed.find((value) => value === given) ?? (also(given) ? (given as V) : undefined);
    if (found !== undefined) return found;
    const hint = didYouMean(given, allowed);
    throw new UsageError(`--${name} must be ${allowed.join(', ')}, got ${quoted(given)}. ${hint}`.trimEnd());
  };
}

/** Several, with commas between them; each once. */
export function listOf<V>(read: Reader<V>): Reader<readonly V[]> {
  return (given, name) => [...new Set(given.split(',').map((one) => read(one, name)))];
}

/** The name of a file. @param endings - One of these. @param which - What it must be, in words that follow "must name". */
export function fileOf(endings: RegExp, which: string): Reader<string> {
  return (given, name) => {
    if (endings.test(given)) return given;
    throw new UsageError(`--${name} must name ${which}, got ${quoted(given)}.`);
  };
}

/** Flags that several commands have, in the same words. */
export const shared = {
  memory: flag('GB', 'refuse to use more (default: what the adapter gives)', gigabytes),
  adapter: flag('NAME', `${adapterChoices.join(', ')} (default auto)`, oneOf(adapterChoices), 'auto'),
  quiet: on('no progress, no notes'),
  help: { ...instead('this text'), short: 'h' },
  version: instead('the version'),
} as const;

/** What the exit codes of a command mean. @param failed - As `1 failed`. */
export function exitCodes(failed: string): string {
  return `Exit codes: 0 done, ${failed}, 2 wrong command line, 130 interrupted.`;
}

/** A command line. */
interface LineOptions<T extends FlagTable, A> {
  /** Usage, and what the command does. */
  readonly about: string;
  readonly flags: T;
  /** What stands behind the flags in the help text. */
  readonly end?: () => string;
  /**
   * Flags that words without a flag stand for, in order, as far as they are not given; all that are left, for the last if it
   * may be given several times.
   */
  readonly positional?: readonly (keyof T & string)[];
  /** What the command is asked to do; default the values as they are. @throws UsageError with one line. */
  readonly args?: (values: Values<T>) => A;
}

/** The command line of a tool: how it is read, and the text of `--help`. */
export function commandLine<const T extends FlagTable, A extends object = Values<T>>(
  tool: string,
  { about, flags, end = () => exitCodes('1 failed'), positional = [], args }: LineOptions<T, A>,
) {
  return {
    /** What the command is asked to do, or the one thing that is asked for instead. @throws UsageError with one line. */
    parse(argv: readonly string[]): A | Instead<T> {
      const values = parseFlags(tool, flags, argv, positional);
      return typeof values === 'string' || !args ? (values as A | Instead<T>) : args(values);
    },
    help(): string {
      const lines = Object.entries<Flag>(flags).map(([name, { value, short, help }]) => {
        const names = `${short ? `-${short}, ` : ''}--${name}`;
        return `  ${`${names}${value ? ` ${value}` : ''}`.padEnd(26)} ${help}`;
      });
      return [about, '', ...lines, '', end()].join('\n');
    },
  };
}

function parseFlags<T extends FlagTable>(
  tool: string,
  flags: T,
  argv: readonly string[],
  positional: readonly (keyof T & string)[],
): Values<T> | Instead<T> {
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
  const entries = Object.entries(flags).map(([name, one]) => ({ name, one, texts: (values[name] ?? []).map(String) }));
  for (const { name, one, texts } of entries)
    if (one.value && !one.many && texts.length > 1) throw new UsageError(`--${name} is given twice. ${seeHelp}`);
  const asked = entries.find(({ one, texts }) => one.instead && texts.length > 0);
  if (asked) return asked.name as Instead<T>;
  for (const { name, one, texts } of entries)
    if (one.needed && !texts[0]) throw new UsageError(`--${name} ${one.value} is needed. ${seeHelp}`);
  const read = entries.map(({ name, one, texts }) => [camelCase(name), one.read(texts, name)] as const);
  return Object.fromEntries(read.filter(([, value]) => value !== undefined)) as Values<T>;
}

const camelCase = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

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
