/** The results of an evaluation: JSON lines, one an answer, so that an interrupted evaluation resumes. */
import { InputError } from '../../engine/errors.ts';
import { damagedText, LineFile, objectOf, readIfThere, soundLines } from '../line-file.ts';

/** One answer. */
export interface Result {
  /** Which reducer, by name and settings. */
  readonly run: string;
  /** Index of the question in its file. */
  readonly question: number;
  readonly answer: string;
  readonly right: boolean;
  /** Mean over the layers of the share of video tokens in attention. */
  readonly computedShare: number;
  /** What the reducer did, in order. */
  readonly actions: readonly string[];
  /** From the question to the last token; absent in older files. */
  readonly seconds?: number;
}

/** An answer that nobody has judged yet. */
export type Given = Omit<Result, 'right'>;

/** What answers depend on, by name: model, questions, sampling. */
export type About = Readonly<Record<string, unknown>>;

const VERSION = 2;

/** Answers so far, in memory and in a file that no other process writes. */
export class Results implements AsyncDisposable {
  readonly #done = new Map<string, Map<number, Result>>();
  #header = '';
  #file: LineFile | undefined;

  private constructor() {}

  /**
   * Opens a results file, or starts it. Lines that are damaged, or there twice, are taken away.
   *
   * @param about - Must be what the file was started with.
   * @param warn - Told which lines were damaged.
   * @throws InputError if the file is of another evaluation, if another process writes it, or if it cannot be read or written.
   */
  static async open(name: string | undefined, about: About, warn: (line: string) => void): Promise<Results> {
    const results = new Results();
    if (name === undefined) return results;
    results.#header = JSON.stringify({ version: VERSION, ...about });
    results.#file = await LineFile.open('--results', name, (text) => results.#kept(text, name, warn));
    return results;
  }

  has(run: string, question: number): boolean {
    return this.#done.get(run)?.has(question) ?? false;
  }

  /** Answers of one reducer, in the order of questions. */
  of(run: string): Result[] {
    return [...(this.#done.get(run)?.values() ?? [])].sort((a, b) => a.question - b.question);
  }

  /** @throws InputError if the file cannot be written; what is in it stays. */
  async add(result: Result): Promise<void> {
    this.#note(result);
    await this.#file?.add(JSON.stringify(result));
  }

  /** Waits until the disk has every answer. @throws InputError if it cannot. */
  async sync(): Promise<void> {
    await this.#file?.sync();
  }

  /**
   * Puts the answers in order: those of `keys` as they come there, behind them the others as they came.
   *
   * @throws InputError as {@link add}.
   */
  async arrange(keys: Iterable<{ readonly run: string; readonly question: number }>): Promise<void> {
    const ordered = new Set<Result>();
    for (const { run, question } of keys) {
      const result = this.#done.get(run)?.get(question);
      if (result) ordered.add(result);
    }
    for (const ofRun of this.#done.values()) for (const result of ofRun.values()) ordered.add(result);
    await this.#file?.replace([this.#header, ...[...ordered].map((result) => JSON.stringify(result))]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.[Symbol.asyncDispose]();
  }

  /** The lines to be kept; damaged ones are warned of, but for the last, which was only cut off. */
  #kept(text: string, name: string, warn: (line: string) => void): string[] {
    const header = this.#header;
    const end = text.indexOf('\n');
    if (end < 0 && header.startsWith(text)) return [header]; // it was ended before it had begun
    const first = end < 0 ? text : text.slice(0, end);
    if (first !== header) throw new InputError(`--results ${name}: ${difference(first, header)}`);
    const { kept, damaged } = soundLines(text.slice(end + 1), { parse: parseResult, first: 2 });
    const once = kept.filter(({ value }) => {
      const isNew = !this.has(value.run, value.question);
      if (isNew) this.#note(value);
      return isNew;
    });
    if (damaged.length > 0) warn(`${name}: ${damagedText(damaged)}; what is missing is asked again`);
    return [header, ...once.map(({ line }) => line)];
  }

  #note(result: Result): void {
    const ofRun = this.#done.get(result.run) ?? new Map<number, Result>();
    this.#done.set(result.run, ofRun.set(result.question, result));
  }
}

/** What a results file says it is about; undefined where there is none, or nothing in it. */
export async function aboutOfFile(name: string): Promise<About | undefined> {
  const [first = ''] = (await readIfThere(name).catch(() => '')).split('\n');
  return objectOf(first);
}

/** Why a header is not the one that is wanted. */
function difference(found: string, wanted: string): string {
  const [old, now] = [objectOf(found), objectOf(wanted)];
  if (!old || old.version === undefined) return 'holds no results, and is left as it is. Name another file.';
  if (old.version !== now?.version) return 'was written by another version of ff-eval. Name another file.';
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  const differ = names.filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]));
  return `is of another evaluation (${differ.join(', ') || 'order of fields'} differ). Name another file.`;
}

/** Undefined if a line is no result. */
function parseResult(line: string): Result | undefined {
  const { run, question, answer, right, computedShare, actions, seconds } = (objectOf(line) ?? {}) as Partial<Result>;
  const isResult =
    typeof run === 'string' &&
    Number.isSafeInteger(question) &&
    typeof answer === 'string' &&
    typeof right === 'boolean' &&
    typeof computedShare === 'number' &&
    Array.isArray(actions) &&
    actions.every((action) => typeof action === 'string') &&
    (seconds === undefined || typeof seconds === 'number');
  if (!isResult) return undefined;
  const known = { run, question, answer, right, computedShare, actions } as Result;
  return seconds === undefined ? known : { ...known, seconds };
}
