import { WeightsError } from '../engine/errors.ts';

/** Keys of a JSON file of a checkpoint, read with their types checked. */
export class ConfigReader {
  /** What errors call the file. */
  readonly file: string;
  readonly #values: Readonly<Record<string, unknown>>;

  /** @throws WeightsError if the text is no JSON object. */
  constructor(file: string, text: string) {
    this.file = file;
    let values: unknown;
    try {
      values = JSON.parse(text);
    } catch (cause) {
      throw new WeightsError(`${file}: must be JSON: ${(cause as Error).message}. Download it again.`, {
        cause,
      });
    }
    if (!isObject(values)) throw new WeightsError(`${file}: must be a JSON object. Download it again.`);
    this.#values = values;
  }

  /** The object under a key, with errors that name both; `inherited` stands behind keys that it lacks. */
  part(key: string, inherited: Readonly<Record<string, unknown>> = {}): ConfigReader {
    const value = this.raw(key);
    if (!isObject(value)) throw this.wrong(key, 'an object');
    return new ConfigReader(`${this.file}: ${key}`, JSON.stringify({ ...inherited, ...value }));
  }

  /** The value as it is; `null` counts as absent. */
  raw(key: string): unknown {
    return (Object.hasOwn(this.#values, key) ? this.#values[key] : undefined) ?? undefined;
  }

  /** A positive integer. */
  size(key: string, fallback?: number): number {
    const ok = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
    return this.#checked(key, ok, 'a positive integer', fallback);
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

  /** The error for a key that has not the value it should. */
  wrong(key: string, expected: string): WeightsError {
    const value = this.raw(key);
    const fact = value === undefined ? 'it is missing' : `got ${JSON.stringify(value)?.slice(0, 60)}`;
    return new WeightsError(`${this.file}: ${key} must be ${expected}, ${fact}.`);
  }

  #checked<T>(key: string, ok: (value: unknown) => value is T, expected: string, fallback?: T): T {
    const value = this.raw(key) ?? fallback;
    if (!ok(value)) throw this.wrong(key, expected);
    return value;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
