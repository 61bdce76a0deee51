/** The videos that a command line names: files, folders, addresses, and lists of them. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { InputError } from '../../engine/errors.ts';
import { addressOf } from '../../media/address.ts';
import { markOfVideo } from '../content-mark.ts';
import { reasonOf } from '../errors.ts';
import { pastedPath } from '../values.ts';
import { videosAt } from '../videos-at.ts';

/** A video to be asked about. */
export interface NamedVideo {
  /** Absolute path, or address. */
  readonly video: string;
  /** See `contentMark`; null for an address, and where the file cannot be read from here. */
  readonly content: string | null;
}

/**
 * Every video once, in the order of the command line, those of a folder and the folders in it by name.
 *
 * @throws InputError if the list cannot be read, a folder has no videos, or there are none at all.
 */
export async function namedVideos(names: readonly string[], list: string | undefined): Promise<NamedVideo[]> {
  const listed = list === undefined ? [] : await linesOf(list);
  const paths: string[] = [];
  for (const name of [...names, ...listed]) paths.push(...(await videosOf(name)));
  if (paths.length === 0)
    throw new InputError(`--list ${list}: names no videos. A path or an address a line is expected.`);
  const videos: NamedVideo[] = [];
  for (const video of new Set(paths)) videos.push({ video, content: await markOfVideo(video) });
  return videos;
}

async function linesOf(list: string): Promise<string[]> {
  const text = await (list === '-' ? textOf(process.stdin) : readFile(list, 'utf8')).catch((cause: unknown) => {
    throw new InputError(`--list ${list}: cannot be read: ${reasonOf(cause)}.`, { cause });
  });
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
}

async function videosOf(name: string): Promise<string[]> {
  return addressOf(name)?.protocol.startsWith('http') ? [name] : videosAt(resolve(pastedPath(name)));
}
