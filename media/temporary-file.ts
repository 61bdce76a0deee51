import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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

  /** Writes `bytes` to a new file that only this user can read. */
  static async create(bytes: Uint8Array): Promise<TemporaryFile> {
    const file = new TemporaryFile(await mkdtemp(join(tmpdir(), 'framefusion-')));
    try {
      await writeFile(file.path, bytes, { mode: 0o600 });
    } catch (error) {
      await file.remove();
      throw error;
    }
    return file;
  }

  /** Removes the file. More than once does no harm. */
  async remove(): Promise<void> {
    if (!folders.delete(this.#folder)) return;
    if (folders.size === 0) process.off('exit', removeAll);
    // Retries are for Windows, where a program that has just ended may still hold the file.
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const folders = new Set<string>();

function removeAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
