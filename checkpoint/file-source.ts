/** Checkpoints from files: the part of the safetensors reader that needs Node. */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, WeightsError } from '../engine/errors.ts';
import { type ByteSource, Checkpoint, type CheckpointFiles } from './safetensors.ts';

/** Node reads at most 2^31 - 1 bytes in one call. */
const MAX_READ_BYTES = 2 ** 30;

/**
 * Opens a file for reading by ranges.
 *
 * @throws WeightsError if `path` is missing, unreadable or not a regular file.
 */
export async function fileSource(path: string): Promise<ByteSource> {
  const source = await openIfThere(path);
  if (source) return source;
  throw new WeightsError(`${path}: expected a file, found none. Check the path.`);
}

/**
 * Opens the checkpoint in `folder`: `model.safetensors`, or the shards of `model.safetensors.index.json`.
 *
 * @throws WeightsError as {@link Checkpoint.open}.
 */
export function openCheckpoint(folder: string): Promise<Checkpoint> {
  return Checkpoint.open(folderFiles(folder));
}

/** The files of `folder`, opened on request. */
export function folderFiles(folder: string): CheckpointFiles {
  if (typeof folder !== 'string')
    throw new InputError(`folderFiles: it must be the path of a folder, got a ${typeof folder}.`);
  return { name: folder, open: (file) => openIfThere(join(folder, file)) };
}

async function openIfThere(path: string): Promise<ByteSource | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new WeightsError(`${path}: expected a readable file, found ${code}. Check its permissions.`, {
      cause,
    });
  }
  const stat = await handle.stat();
  if (stat.isFile()) return new FileSource(path, stat.size, handle);
  await handle.close();
  throw new WeightsError(`${path}: expected a file, found a folder or device. Check the path.`);
}

class FileSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #handle: FileHandle;

  constructor(name: string, size: number, handle: FileHandle) {
    this.name = name;
    this.size = size;
    this.#handle = handle;
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const want = Math.min(MAX_READ_BYTES, length - done);
      const { bytesRead } = await this.#handle.read(bytes, done, want, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    // The reader reports a short answer: the file was cut since it was opened.
    return done === length ? bytes : bytes.slice(0, done);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
