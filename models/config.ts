import { isObject, parseJson } from '../checkpoint/json.ts';
import { WeightsError } from '../engine/errors.ts';

/** Names of keys that change results, as model configs have them; others are of training, generation or bookkeeping. */
const ARITHMETIC =
  /rope|rotary|alibi|position_embedding_type|softcap|multiplier|scaling|scale$|sliding|window|expert|router|moe|norm(?!al)|bias|_act$|activation|layer_types|pruned_heads|parallel|quanti|logit_scale/;

/** Whether a value says that a thing is not used. */
function isNeutral(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((item) => item === 'full_attention');
  if (isObject(value)) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === false || value === 0 || value === 1 || value === '';
}

/** Keys of a JSON file of a checkpoint, read with their types checked. */
export class ConfigReader {
  /** What errors call the file. */
  readonly file: string;
  readonly #values: Readonly<Record<string, unknown>>;
  /** Keys that somebody asked for. */
  readonly #read = new Set<string>();

  /**
   * @param content - Its text, or what that says.
   * @throws WeightsError if the text is no JSON object.
   */
  constructor(file: string, content: string | Readonly<Record<string, unknown>>) {
    this.file = file;
    this.#values = typeof content === 'string' ? objectOf(file, content) : content;
  }

  /** Every key that is there, in the file's order. */
  keys(): string[] {
    return Object.keys(this.#values);
  }

  /** The object under a key, with errors that name both; `inherited` stands behind keys that it lacks. */
  part(key: string, inherited: Readonly<Record<string, unknown>> = {}): ConfigReader {
    const value = this.raw(key);
    if (!isObject(value)) throw this.wrong(key, 'an object');
    return new ConfigReader(`${this.file}: ${key}`, { ...inherited, ...value });
  }

  /** The value as it is; `null` counts as absent. */
  raw(key: string): unknown {
    this.#read.add(key);
    return (Object.hasOwn(this.#values, key) ? this.#values[key] : undefined) ?? undefined;
  }

  /** A positive integer. */
  size(key: string, fallback?: number): number {
    const ok = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
    return this.#checked(key, ok, 'a positive integer', fallback);
  }

  /** An integer that is not negative: an id or a place. */
  index(key: string): number {
    const ok = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
    return this.#checked(key, ok, 'an integer from 0 on');
  }

  /** The side of a square: a positive integer, or a pair of the same. */
  side(key: string, fallback?: number): number {
    const value = this.raw(key);
    if (!Array.isArray(value)) return this.size(key, fallback);
    const [side] = value;
    const ok = value.length === 2 && value[1] === side && Number.isSafeInteger(side) && side > 0;
    if (!ok) throw this.wrong(key, 'a positive integer, or a pair of the same');
    return side;
  }

  /** A positive integer, where there is the key. */
  optionalSize(key: string): number | undefined {
    return this.raw(key) === undefined ? undefined : this.size(key);
  }

  /** A positive number. */
  positive(key: string, fallback?: number): number {
    const ok = (value: unknown): value is number => Number.isFinite(value) && (value as number) > 0;
    return this.#checked(key, ok, 'a positive number', fallback);
  }

  /** A number from 0 to 1. */
  share(key: string, fallback?: number): number {
    const ok = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;
    return this.#checked(key, ok, 'a number from 0 to 1', fallback);
  }

  /** True or false. */
  flag(key: string, fallback?: boolean): boolean {
    return this.#checked(key, (value): value is boolean => typeof value === 'boolean', 'true or false', fallback);
  }

  /** A string. */
  text(key: string, fallback?: string): string {
    return this.#checked(key, (value): value is string => typeof value === 'string', 'a string', fallback);
  }

  /** One of the values that this project has built. */
  oneOf<T extends string | number | boolean>(key: string, built: readonly T[], fallback?: T): T {
    const ok = (value: unknown): value is T => built.includes(value as T);
    return this.#checked(key, ok, built.map((value) => JSON.stringify(value)).join(' or '), fallback);
  }

  /** A number or a list of them, as a list. */
  numbers(key: string): number[] {
    const value = this.raw(key);
    const list = value === undefined ? [] : Array.isArray(value) ? value : [value];
    if (!list.every((item) => Number.isSafeInteger(item))) throw this.wrong(key, 'an integer or a list of them');
    return list as number[];
  }

  /** Says of keys that their values do not matter here. */
  ignore(...keys: string[]): void {
    for (const key of keys) this.#read.add(key);
  }

  /** Throws a `WeightsError` if there is a key that nobody asked for and whose name and value say that it changes results. */
  refuseUnread(): void {
    const unread = this.keys().find(
      (key) => !this.#read.has(key) && ARITHMETIC.test(key) && !isNeutral(this.#values[key]),
    );
    if (unread !== undefined) throw this.#notUnderstood(unread);
  }

  /** Throws a `WeightsError` if there is any key but these, `null` aside. */
  refuseBut(keys: readonly string[]): void {
    const other = this.keys().find((key) => !keys.includes(key) && this.raw(key) !== undefined);
    if (other !== undefined) throw this.#notUnderstood(other);
  }

  #notUnderstood(key: string): WeightsError {
    return new WeightsError(
      `${this.file}: ${key} is ${shown(this.#values[key])}, which may change results and is not built. Use a checkpoint without it.`,
    );
  }

  /** The error for a key that has not the value it should. */
  wrong(key: string, expected: string): WeightsError {
    const value = this.raw(key);
    const fact = value === undefined ? 'it is missing' : `got ${shown(value)}`;
    return new WeightsError(`${this.file}: ${key} must be ${expected}, ${fact}.`);
  }

  #checked<T>(key: string, ok: (value: unknown) => value is T, expected: string, fallback?: T): T {
    const value = this.raw(key) ?? fallback;
    if (!ok(value)) throw this.wrong(key, expected);
    return value;
  }
}

function objectOf(file: string, text: string): Record<string, unknown> {
  let values: unknown;
  try {
    values = parseJson(text);
  } catch (cause) {
    throw new WeightsError(`${file}: must be JSON: ${(cause as Error).message}. Download it again.`, { cause });
  }
  if (isObject(values)) return values;
  throw new WeightsError(`${file}: must be a JSON object. Download it again.`);
}

/** A value for a message: JSON, cut, with the numbers that JSON lacks. */
function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : String(JSON.stringify(value)).slice(0, 60);
}
