/** Which content a file has, without reading all of it. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { addressOf } from '../media/address.ts';

/** Bytes that are read at its beginning, and at its end. */
const PIECE = 1 << 16;

/**
 * A hash over the size of a file and its first and last 64 KiB: enough to tell that a video was replaced, or that two
 * machines have different ones at a path. It is no proof that they are equal.
 *
 * @throws Error of the system if the file cannot be read.
 */
export async function contentMark(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const hash = createHash('sha256').update(`${size}\n`);
    for (const start of size > PIECE ? [0, Math.max(PIECE, size - PIECE)] : [0]) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(PIECE), 0, PIECE, start);
      hash.update(buffer.subarray(0, bytesRead));
    }
    return hash.digest('hex').slice(0, 32);
  } finally {
    await file.close();
  }
}

/** Of a video; null for an address, and where the file cannot be read from here: whoever is asked about it says why. */
export async function markOfVideo(video: string): Promise<string | null> {
  return addressOf(video) ? null : contentMark(video).catch(() => null);
}
