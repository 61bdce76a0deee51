/** The results of an evaluation: JSON lines, one an answer, so that an interrupted evaluation resumes. */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { InputError } from '../../engine/errors.ts';
import { FileLock } from '../../hub/lock.ts';
import { reasonOf } from '../errors.ts';
import { realFile, writeOutput } from '../output.ts';

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

/** What answers depend on, by name: model, questions, sampling. */
export type About = Readonly<Record<string, unknown>>;

const VERSION = 2;

/** Without a sign of life for this long, whoever holds a lock on another machine is taken for dead. */
const STALE_MS = 60_000;

/** Answers so far, in memory and in a file that no other process writes. */
export class Results implements AsyncDisposable {
  readonly #done = new Map<string, Map<number, Result>>();
  readonly #name: string;
  #file: FileHandle | undefined;
  #lock: FileLock | undefined;

  private constructor(name: string) {
    this.#name = name;
  }

  /**
   * Opens a results file, or starts it. Lines that are damaged, or there twice, are taken away.
   *
   * @param about - Must be what the file was started with.
   * @param warn - Told which lines were damaged.
   * @throws InputError if the file is of another evaluation, if another process writes it, or if it cannot be read or written.
   */
  static async open(name: string | undefined, about: About, warn: (line: string) => void): Promise<Results> {
    const results = new Results(name ?? '');
    if (name === undefined) return results;
    try {
      await results.#open(about, warn);
      return results;
    } catch (error) {
      await results[Symbol.asyncDispose]();
      throw results.#error(error);
    }
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
    try {
      await this.#file?.appendFile(`${JSON.stringify(result)}\n`);
    } catch (error) {
      throw this.#error(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
    this.#lock?.release();
  }

  async #open(about: About, warn: (line: string) => void): Promise<void> {
    const path = await realFile('--results', this.#name);
    this.#lock = await this.#locked(path);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return '';
    });
    const header = JSON.stringify({ version: VERSION, ...about });
    const kept = this.#read(text, header, warn);
    const whole = [header, ...kept, ''].join('\n');
    if (text !== whole) await writeOutput('--results', path, whole);
    this.#file = await open(path, 'a');
  }

  async #locked(path: string): Promise<FileLock> {
    const holder = new AbortController();
    const waiting = (name: string): void =>
      holder.abort(
        new InputError(
          `--results ${this.#name}: ${name} is writing it. Wait for that one, name another file, or remove ${this.#name}.lock if it is gone.`,
        ),
      );
    try {
      return await FileLock.acquire(`${path}.lock`, { pollMs: 50, staleMs: STALE_MS, signal: holder.signal, waiting });
    } catch (error) {
      throw holder.signal.aborted ? holder.signal.reason : error;
    }
  }

  /** The lines to be kept, without the header; damaged ones are warned of, but for the last, which was only cut off. */
  #read(text: string, header: string, warn: (line: string) => void): string[] {
    const [first = '', ...lines] = text.split('\n');
    if (lines.length === 0 && header.startsWith(first)) return []; // it was ended before it had begun
    if (first !== header) throw new InputError(`--results ${this.#name}: ${difference(first, header)}`);
    const end = lines.pop(); // nothing, if the last line is whole
    const kept: string[] = [];
    const damaged: number[] = [];
    for (const [i, line] of [...lines, ...(end && parseResult(end) ? [end] : [])].entries()) {
      const result = parseResult(line);
      if (!result) damaged.push(i + 2);
      else if (!this.has(result.run, result.question)) {
        this.#note(result);
        kept.push(line);
      }
    }
    if (damaged.length > 0) warn(`${this.#name}: ${damagedText(damaged)}; what is missing is asked again`);
    return kept;
  }

  #note(result: Result): void {
    const ofRun = this.#done.get(result.run) ?? new Map<number, Result>();
    this.#done.set(result.run, ofRun.set(result.question, result));
  }

  #error(cause: unknown): unknown {
    if (cause instanceof InputError || (cause as NodeJS.ErrnoException)?.code === undefined) return cause;
    return new InputError(`--results ${this.#name}: ${reasonOf(cause)}. What it holds is kept.`, { cause });
  }
}

function damagedText(lines: readonly number[]): string {
  if (lines.length === 1) return `line ${lines[0]} is damaged and was removed`;
  const first = lines.slice(0, 5).join(', ');
  return `lines ${first}${lines.length > 5 ? `, and ${lines.length - 5} more` : ''} are damaged and were removed`;
}

/** Why a header is not the one that is wanted. */
function difference(found: string, wanted: string): string {
  const [old, now] = [fieldsOf(found), fieldsOf(wanted)];
  if (!old || old.version === undefined) return 'holds no results, and is left as it is. Name another file.';
  if (old.version !== now?.version) return 'was written by another version of ff-eval. Name another file.';
  const names = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  const differ = names.filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]));
  return `is of another evaluation (${differ.join(', ') || 'order of fields'} differ). Name another file.`;
}

function fieldsOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined if a line is no result. */
function parseResult(line: string): Result | undefined {
  const { run, question, answer, right, computedShare, actions, seconds } = (fieldsOf(line) ?? {}) as Partial<Result>;
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
