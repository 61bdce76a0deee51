/** What the disk refuses, in one line. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bytesText } from '../engine/text.ts';
import { HubError } from './errors.ts';

/** Free bytes where `folder` is or will be; `undefined` where nobody can tell. */
async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return dirname(folder) === folder ? undefined : freeBytes(dirname(folder));
  }
}

/** @throws HubError if `folder` has no room for `needed` more bytes. */
export async function checkSpace(name: string, folder: string, needed: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free !== undefined && free < needed) throw diskFull(name, folder, needed, free);
}

/**
 * A fault of the file system under `folder` as one line; anything else as it is.
 *
 * @param needed - Bytes that are still to come.
 */
export async function diskError(
  error: unknown,
  name: string,
  folder: string,
  needed: () => Promise<number>,
): Promise<unknown> {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  const { code, path = folder } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return diskFull(name, folder, await needed(), await freeBytes(folder), error);
  const elsewhere = 'Set HF_HUB_CACHE to a folder of yours.';
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new HubError(`${name}: ${path} cannot be read or written (${code}). ${elsewhere}`, { cause: error });
  if (code === 'ENOTDIR' || code === 'EEXIST')
    return new HubError(
      `${name}: the cache ${folder} must be a folder, but a file or a broken link is in the way (${code}). ${elsewhere}`,
      {
        cause: error,
      },
    );
  return new HubError(`${name}: ${path}: ${error.message}. ${elsewhere}`, { cause: error });
}

function diskFull(name: string, folder: string, needed: number, free: number | undefined, cause?: Error): HubError {
  const there = free === undefined ? 'it is full' : `${bytesText(free)} are free`;
  return new HubError(
    `${name}: ${folder} needs room for ${bytesText(needed)} more, ${there}. Make room or set HF_HUB_CACHE to another disk; what has arrived is kept.`,
    { cause },
  );
}
