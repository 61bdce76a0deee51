/** Where a video comes from: paths and addresses as people paste them, and bytes. For Node. */
import { access, constants, open, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addressOf, tidied, type VideoSource } from './address.ts';
import { VideoError } from './errors.ts';
import { type FetchOptions, fetchToFile } from './fetch-file.ts';
import { problemOf } from './file-problem.ts';
import { HEAD_BYTES } from './picture-format.ts';

/** A file or bytes of this machine, as long as it is not given back. */
export interface LocalSource extends AsyncDisposable {
  /** An absolute path, or bytes. */
  readonly data: string | Uint8Array;
}

/**
 * Finds, or fetches, what a video is to be read from.
 *
 * @throws VideoError if there is nothing to be read.
 */
export async function localSource(source: VideoSource, options: FetchOptions): Promise<LocalSource> {
  const address = addressOf(source);
  if (!address || address.protocol === 'file:') return lasting(await dataOf(address ?? source, options.name));
  const file = await fetchToFile(address, options);
  return { data: file.path, [Symbol.asyncDispose]: () => file.remove() };
}

/** The first bytes. @throws VideoError if they cannot be read. */
export async function headOf(data: string | Uint8Array, name: string): Promise<Uint8Array> {
  if (typeof data !== 'string') return data.subarray(0, HEAD_BYTES);
  try {
    const file = await open(data);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new VideoError(name, problemOf(cause), { cause });
  }
}

/** A source that needs no removing. */
export function lasting(data: string | Uint8Array): LocalSource {
  return { data, [Symbol.asyncDispose]: async () => {} };
}

async function dataOf(source: VideoSource, name: string): Promise<string | Uint8Array> {
  if (typeof source === 'string') return checkedPath(await meantPath(source), name);
  if (source instanceof URL) return checkedPath(pathOf(source, name), name);
  const bytes = source instanceof Blob ? new Uint8Array(await source.arrayBuffer()) : source;
  if (!(bytes instanceof Uint8Array))
    throw new VideoError(name, 'a path, an address or the bytes of a video are needed.');
  if (bytes.length === 0) throw new VideoError(name, 'no data (0 bytes). A video is needed.');
  return bytes;
}

function pathOf(address: URL, name: string): string {
  try {
    return fileURLToPath(address);
  } catch (cause) {
    throw new VideoError(name, `no file of this machine (${(cause as Error).message}).`, { cause });
  }
}

/** The first reading of a path that leads to something; the path itself if none does. */
async function meantPath(path: string): Promise<string> {
  const plain = tidied(path);
  const readings = [path, plain, plain.replace(/\\(.)/g, '$1'), plain.replace(/^~(?=[/\\])/, homedir())];
  for (const reading of new Set(readings)) if (reading !== '' && (await isThere(reading))) return reading;
  return path;
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** An absolute path: the working directory may change while the video is open. */
async function checkedPath(path: string, name: string): Promise<string> {
  if (path.trim() === '') throw new VideoError(name || "''", 'no path. The path of a video file is needed.');
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw new VideoError(name, 'a directory. The path of a video file is needed.');
    if (!found.isFile()) throw new VideoError(name, 'not a regular file. Videos are read with random access.');
    if (found.size === 0) throw new VideoError(name, 'the file is empty. A video is needed.');
    await access(path, constants.R_OK);
  } catch (cause) {
    throw cause instanceof VideoError ? cause : new VideoError(name, problemOf(cause), { cause });
  }
  return resolve(path);
}
