/** One row of a question file. */
import { InputError } from '../../../engine/errors.ts';
import { letterOf } from './letters.ts';

/** What a row holds, by name. */
export type Fields = Readonly<Record<string, unknown>>;

/** One row of a question file, whose fields are taken by what they must be. */
export class Row {
  /** File and row, for messages. */
  readonly where: string;
  readonly #fields: Fields;

  constructor(where: string, fields: Fields) {
    this.where = where;
    this.#fields = fields;
  }

  get names(): string[] {
    return Object.keys(this.#fields);
  }

  has(name: string): boolean {
    const value = this.#fields[name];
    return value !== undefined && value !== null && value !== '';
  }

  /** A text, or a number as one. @throws InputError if it is neither, or is empty. */
  text(name: string): string {
    const value = this.#fields[name];
    const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
    if (typeof text === 'string' && text.trim() !== '') return text;
    throw this.#wrong(name, 'a text');
  }

  /** Two or more texts, or numbers as such. @throws InputError if it is anything else. */
  texts(name: string): string[] {
    const value = this.#fields[name];
    const isText = (item: unknown): boolean => typeof item === 'string' || typeof item === 'number';
    if (Array.isArray(value) && value.length > 1 && value.every(isText)) return value.map(String);
    throw this.#wrong(name, 'a list of two or more texts');
  }

  /** A number. @throws InputError if it is none, or is negative. */
  seconds(name: string): number {
    const value = this.#fields[name];
    if (typeof value === 'number' && value >= 0) return value;
    throw this.#wrong(name, 'a number of seconds');
  }

  /** The letter of an option, from its index. @throws InputError if there is no such option. */
  letterByIndex(name: string, options: number): string {
    const value = this.#fields[name];
    const text = typeof value === 'string' ? value.trim() : String(value);
    if (/^\d+$/.test(text) && Number(text) < options) return letterOf(Number(text));
    throw this.#wrong(name, `the index of an option, 0 to ${options - 1}`);
  }

  /** The letter of an option. @throws InputError if there is no such option. */
  letter(name: string, options: number): string {
    const value = this.#fields[name];
    const letter = typeof value === 'string' ? value.trim().toUpperCase() : '';
    if (/^[A-Z]$/.test(letter) && letter <= letterOf(options - 1)) return letter;
    throw this.#wrong(name, `the letter of an option, A to ${letterOf(options - 1)}`);
  }

  /** The letter of an option, from its text. @throws InputError if there is no such option. */
  letterByText(name: string, options: readonly string[]): string {
    const text = this.text(name).trim();
    const index = options.findIndex((option) => option.trim() === text);
    if (index >= 0) return letterOf(index);
    throw this.#wrong(name, `one of ${options.map((option) => JSON.stringify(option)).join(', ')}`);
  }

  /** A list of rows within this one. @throws InputError if it is none. */
  rows(name: string): Row[] {
    const value = this.#fields[name];
    if (Array.isArray(value) && value.length > 0 && value.every(isFields))
      return value.map((fields, i) => new Row(`${this.where}, ${name} ${i + 1}`, fields));
    throw this.#wrong(name, 'a list of questions');
  }

  #wrong(name: string, expected: string): InputError {
    const value = this.#fields[name];
    const found = typeof value === 'bigint' ? String(value) : JSON.stringify(value);
    return new InputError(`${this.where}: ${name} must be ${expected}, got ${found}.`);
  }
}

/** Whether a value can be a row. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
