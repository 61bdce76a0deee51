import type { Hash } from 'node:crypto';
import { constants, type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { HubFile } from './listing.ts';
import { emptyHash } from './verified.ts';

/** Large enough that reading costs nothing beside hashing. */
const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * What has arrived of a file: always its beginning, on disk and in a running hash. Bytes are written where they
 * belong, and a process that is killed leaves what it wrote to the next one.
 */
export class PartialFile {
  readonly #file: HubFile;
  readonly #path: string;
  readonly #handle: FileHandle;
  #hash: Hash;
  #length = 0;

  private constructor(file: HubFile, path: string, handle: FileHandle) {
    this.#file = file;
    this.#path = path;
    this.#handle = handle;
    this.#hash = emptyHash(file);
  }

  /**
   * Opens or creates, and hashes what is there.
   *
   * @param hashed - Told how much of it has been gone through.
   */
  static async open(
    file: HubFile,
    path: string,
    { signal, hashed }: { signal: AbortSignal; hashed: (bytes: number) => void },
  ): Promise<PartialFile> {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT);
    const partial = new PartialFile(file, path, handle);
    try {
      if ((await handle.stat()).size > file.size) await partial.restart();
      await partial.#hashExisting(signal, hashed);
      return partial;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #hashExisting(signal: AbortSignal, hashed: (bytes: number) => void): Promise<void> {
    const { size } = await this.#handle.stat();
    const buffer = new Uint8Array(Math.min(size, CHUNK_BYTES));
    while (this.#length < size) {
      signal.throwIfAborted();
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#length);
      if (bytesRead === 0) return;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#length += bytesRead;
      hashed(this.#length);
    }
  }

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  async append(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.length; ) {
      const { bytesWritten } = await this.#handle.write(chunk, done, chunk.length - done, this.#length + done);
      done += bytesWritten;
    }
    this.#hash.update(chunk);
    this.#length += chunk.length;
  }

  /** Throws away what has arrived. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = emptyHash(this.#file);
    this.#length = 0;
  }

  /** Whether it is the file that the hub lists, by size and hash. */
  isWhole(): boolean {
    return this.#length === this.#file.size && this.#hash.copy().digest('hex') === this.#file.oid;
  }

  /** Gives the file its place. On disk before it has its name, so that no name stands for lost bytes. */
  async moveTo(path: string): Promise<void> {
    await this.#handle.sync();
    await rename(this.#path, path);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
