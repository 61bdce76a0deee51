/** The results of an evaluation: JSON lines, one an answer, so that a run that was ended goes on where it was. */
import { existsSync } from 'node:fs';
import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { InputError } from '../../engine/errors.ts';

/** One answer. */
export interface Result {
  /** Which policy, by name and settings. */
  readonly run: string;
  /** Index of the question in its file. */
  readonly question: number;
  readonly answer: string;
  readonly right: boolean;
  /** Mean over the layers of the share of video tokens in attention. */
  readonly spent: number;
  /** What the policy did, in order. */
  readonly actions: readonly string[];
}

/** Answers so far, in memory and in a file. */
export class Results {
  readonly #file: string | undefined;
  readonly #done = new Map<string, Result>();

  private constructor(file: string | undefined) {
    this.#file = file;
  }

  /**
   * Opens a results file, or starts it. A last line that was cut off is taken away.
   *
   * @param about - What the answers hang on: model, questions, sampling. Must be what the file was started with.
   * @throws InputError if the file is of another evaluation, or cannot be read or written.
   */
  static async open(file: string | undefined, about: Readonly<Record<string, unknown>>): Promise<Results> {
    const results = new Results(file);
    if (file === undefined) return results;
    const header = `${JSON.stringify({ version: 1, ...about })}\n`;
    try {
      if (existsSync(file)) await results.#read(file, header);
      else await writeFile(file, header);
    } catch (cause) {
      if (cause instanceof InputError) throw cause;
      throw new InputError(`--results ${file}: ${(cause as Error).message}.`, { cause });
    }
    return results;
  }

  has(run: string, question: number): boolean {
    return this.#done.has(key(run, question));
  }

  /** Answers of one policy, in the order of questions. */
  of(run: string): Result[] {
    return [...this.#done.values()].filter((result) => result.run === run).sort((a, b) => a.question - b.question);
  }

  async add(result: Result): Promise<void> {
    this.#done.set(key(result.run, result.question), result);
    if (this.#file !== undefined) await appendFile(this.#file, `${JSON.stringify(result)}\n`);
  }

  async #read(file: string, header: string): Promise<void> {
    const text = await readFile(file, 'utf8');
    if (!text.startsWith(header))
      throw new InputError(
        `--results ${file}: is of another evaluation (model, questions or sampling differ). Name another file.`,
      );
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    if (whole.length < text.length) await truncate(file, Buffer.byteLength(whole));
    for (const line of whole.slice(header.length).split('\n').filter(Boolean)) {
      const result = JSON.parse(line) as Result;
      this.#done.set(key(result.run, result.question), result);
    }
  }
}

function key(run: string, question: number): string {
  return `${run}\n${question}`;
}
