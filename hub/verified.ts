/**
 * Which files of the cache are known to have the bytes that the hub lists. A file is hashed once: when it comes, or when it is
 * first met. From then on its inode and the time of its last change stand for its bytes. The notes lie beside the cache and
 * not in it: the cache may be read-only, and others keep order there.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { appendFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../engine/make-folder.ts';
import type { HubFile } from './listing.ts';

/** What of a file decides about its bytes. */
export type FileIdentity = Pick<HubFile, 'oid' | 'size'>;

/** Large enough that reading costs nothing beside hashing. */
const CHUNK_BYTES = 4 * 2 ** 20;

/** The notes of one user. */
export class Verified {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether a file is noted and has not changed since. */
  async knows(path: string, { oid }: FileIdentity): Promise<boolean> {
    const text = await readFile(this.#note(oid), 'utf8').catch(() => '');
    return text !== '' && text.split('\n').includes(await stateOf(path));
  }

  /** Notes a file whose bytes have been hashed; where that cannot be, it is hashed again next time. */
  async add(path: string, { oid }: FileIdentity): Promise<void> {
    try {
      await makeFolder(this.#folder);
      await appendFile(this.#note(oid), `${await stateOf(path)}\n`);
    } catch (error) {
      if (!(error instanceof Error && 'syscall' in error)) throw error;
    }
  }

  /** Whether a file has the bytes: as noted, or hashed now. */
  async check(path: string, file: FileIdentity, signal: AbortSignal): Promise<boolean> {
    if (await this.knows(path, file)) return true;
    const hash = emptyHash(file);
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES, signal })) hash.update(chunk);
    if (hash.digest('hex') !== file.oid) return false;
    await this.add(path, file);
    return true;
  }

  #note(oid: string): string {
    return join(this.#folder, oid);
  }
}

/** Git hashes a header with the bytes; LFS does not. */
export function emptyHash({ oid, size }: FileIdentity): Hash {
  return oid.length === 40 ? createHash('sha1').update(`blob ${size}\0`) : createHash('sha256');
}

async function stateOf(path: string): Promise<string> {
  const { dev, ino, size, ctimeNs, mtimeNs } = await stat(path, { bigint: true });
  return [dev, ino, size, ctimeNs, mtimeNs].join(' ');
}
