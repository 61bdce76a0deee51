import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../engine/errors.ts';
import { reasonOf } from './errors.ts';

const VIDEO = /\.(3gp|avi|flv|m4v|mkv|mov|mp4|mpe?g|ts|webm|wmv)$/i;

/**
 * A file as it is, or all videos in a folder and the folders in it, by name.
 *
 * @param named - What messages call it.
 * @throws InputError if a folder cannot be read, or has none.
 */
export async function videosAt(path: string, named = path): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true }).catch((cause: unknown) => {
    throw new InputError(`${named}: cannot be read: ${reasonOf(cause)}.`, { cause });
  });
  const videos = entries.filter((name) => VIDEO.test(name)).sort();
  if (videos.length === 0) throw new InputError(`${named}: holds no videos.`);
  return videos.map((video) => join(path, video));
}
