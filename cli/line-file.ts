/** A file of results, a line each, that is written while the work goes on, so that interrupted work resumes. */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { InputError } from '../engine/errors.ts';
import { FileLock } from '../hub/lock.ts';
import { reasonOf } from './errors.ts';
import { realFile, writeOutput } from './output.ts';

/** Without a sign of life for this long, whoever holds a lock on another machine is taken for dead. */
const STALE_MS = 60_000;

/** An open file that no other process writes. */
export class LineFile implements AsyncDisposable {
  readonly #flag: string;
  readonly #named: string;
  readonly #path: string;
  readonly #lock: FileLock;
  #file: FileHandle | undefined;

  private constructor(flag: string, named: string, path: string, lock: FileLock) {
    this.#flag = flag;
    this.#named = named;
    this.#path = path;
    this.#lock = lock;
  }

  /**
   * Opens a file, or starts it.
   *
   * @param flag - What named the file, for messages.
   * @param kept - Of the text that is there, the lines that stay; the file is replaced as a whole if those are not all.
   * @throws InputError if another process writes it, or if it cannot be read or written; what `kept` throws.
   */
  static async open(flag: string, name: string, kept: (text: string) => readonly string[]): Promise<LineFile> {
    const named = `${flag} ${name}`;
    let file: LineFile | undefined;
    try {
      const path = await realFile(flag, name);
      file = new LineFile(flag, named, path, await locked(named, name, path));
      const text = await readIfThere(path);
      const whole = [...kept(text), ''].join('\n');
      if (text !== whole) await writeOutput(flag, path, whole);
      file.#file = await open(path, 'a');
      return file;
    } catch (error) {
      await file?.[Symbol.asyncDispose]();
      throw lineError(named, error);
    }
  }

  /** @throws InputError if the file cannot be written; what is in it stays. */
  async add(line: string): Promise<void> {
    try {
      await this.#file?.appendFile(`${line}\n`);
    } catch (error) {
      throw lineError(this.#named, error);
    }
  }

  /** Waits until the disk has all that was added. @throws as {@link add}. */
  async sync(): Promise<void> {
    try {
      await this.#file?.datasync();
    } catch (error) {
      throw lineError(this.#named, error);
    }
  }

  /** Puts other lines in the place of all. @throws as {@link add}. */
  async replace(lines: readonly string[]): Promise<void> {
    const whole = [...lines, ''].join('\n');
    try {
      if ((await readIfThere(this.#path)) === whole) return;
      await this.#file?.close();
      this.#file = undefined;
      await writeOutput(this.#flag, this.#path, whole);
      this.#file = await open(this.#path, 'a');
    } catch (error) {
      throw lineError(this.#named, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close();
    this.#lock.release();
  }
}

/** The text of a file; nothing where there is none yet. */
export function readIfThere(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return '';
  });
}

async function locked(named: string, name: string, path: string): Promise<FileLock> {
  const holder = new AbortController();
  const waiting = (other: string): void =>
    holder.abort(
      new InputError(
        `${named}: ${other} is writing it. Wait for that one, name another file, or remove ${name}.lock if it is gone.`,
      ),
    );
  try {
    return await FileLock.acquire(`${path}.lock`, { pollMs: 50, staleMs: STALE_MS, signal: holder.signal, waiting });
  } catch (error) {
    throw holder.signal.aborted ? holder.signal.reason : error;
  }
}

function lineError(named: string, cause: unknown): unknown {
  if (cause instanceof InputError || (cause as NodeJS.ErrnoException)?.code === undefined) return cause;
  return new InputError(`${named}: ${reasonOf(cause)}. What it holds is kept.`, { cause });
}

/** The JSON object that a line holds; undefined if it holds none. */
export function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Lines without those that are damaged, of which `damagedText` tells by their numbers; a last one that was cut off is no damage. */
export function soundLines<T>(
  text: string,
  { parse, first }: { readonly parse: (line: string) => T | undefined; readonly first: number },
): { readonly kept: { readonly line: string; readonly value: T }[]; readonly damaged: number[] } {
  const lines = text.split('\n');
  const end = lines.pop(); // nothing, if the last line is whole
  const damaged: number[] = [];
  const kept = [...lines, ...(end && parse(end) !== undefined ? [end] : [])].flatMap((line, i) => {
    const value = parse(line);
    if (value === undefined) damaged.push(i + first);
    return value === undefined ? [] : [{ line, value }];
  });
  return { kept, damaged };
}

/** Which lines were damaged, in words. */
export function damagedText(lines: readonly number[]): string {
  if (lines.length === 1) return `line ${lines[0]} is damaged and was removed`;
  const some = lines.slice(0, 5).join(', ');
  return `lines ${some}${lines.length > 5 ? `, and ${lines.length - 5} more` : ''} are damaged and were removed`;
}
