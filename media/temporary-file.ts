import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VideoError } from './errors.ts';
import { problemOf } from './file-problem.ts';

/** A file of one's own in the system's folder for such, gone with the process at the latest. */
export class TemporaryFile {
  readonly path: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.path = join(folder, 'video');
    if (folders.size === 0) process.on('exit', removeAll);
    folders.add(folder);
  }

  /**
   * Writes bytes to a new file that only this user can read.
   *
   * @param name - What errors call what the bytes are of.
   * @throws VideoError if there is no folder for such files, or no room in it; what the bytes' own stream fails with.
   */
  static async create(bytes: Uint8Array | AsyncIterable<Uint8Array>, name: string): Promise<TemporaryFile> {
    const folder = await mkdtemp(join(tmpdir(), 'framefusion-')).catch((cause) => {
      throw unwritten(name, cause);
    });
    const file = new TemporaryFile(folder);
    try {
      await writeFile(file.path, bytes, { mode: 0o600 });
      return file;
    } catch (error) {
      await file.remove();
      throw (error as NodeJS.ErrnoException).syscall ? unwritten(name, error as NodeJS.ErrnoException) : error;
    }
  }

  /** Removes the file. More than once does no harm. */
  async remove(): Promise<void> {
    if (!folders.delete(this.#folder)) return;
    if (folders.size === 0) process.off('exit', removeAll);
    // Retries are for Windows, where a program that has just ended may still hold the file.
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function unwritten(name: string, cause: NodeJS.ErrnoException): VideoError {
  const folder = tmpdir();
  const why =
    cause.code === 'ENOENT' || cause.code === 'ENOTDIR'
      ? 'there is no such folder. Set TMPDIR to one that can be written.'
      : cause.code === 'EACCES' || cause.code === 'EPERM'
        ? 'permission denied. Set TMPDIR to a folder that can be written.'
        : problemOf(cause);
  return new VideoError(name, `no temporary file for it in ${folder}: ${why}`, { cause });
}

const folders = new Set<string>();

function removeAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
