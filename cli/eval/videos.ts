/** The videos that a model is calibrated with. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../engine/errors.ts';
import { isVideoName } from '../video-name.ts';
import { requireVideos } from './benchmarks/videos.ts';
import { readQuestions } from './questions.ts';

/**
 * Those of a question file, each once, or all in a folder by name, or a single file.
 *
 * @throws InputError if there are none.
 */
export async function videosOf(args: {
  readonly data?: string;
  readonly videos?: string;
  readonly limit?: number;
}): Promise<string[]> {
  const { data, videos = '.', limit } = args;
  if (data !== undefined) {
    const questions = await readQuestions(data, args);
    requireVideos(data, questions);
    return [...new Set(questions.map(({ video }) => video))];
  }
  const found = await stat(videos).catch((cause: NodeJS.ErrnoException) => {
    throw new InputError(`--videos ${videos}: cannot be read: ${cause.code ?? cause.message}.`, { cause });
  });
  if (!found.isDirectory()) return [videos];
  const names = (await readdir(videos)).filter(isVideoName).sort();
  if (names.length === 0) throw new InputError(`--videos ${videos}: holds no videos.`);
  return names.slice(0, limit).map((name) => join(videos, name));
}
