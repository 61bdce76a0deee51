/** Where the videos of questions are. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../../engine/errors.ts';
import { addressOf } from '../../../media/address.ts';
import type { Question } from '../question.ts';
import type { Draft } from './benchmark.ts';

/** The question with its video: the first of its places that is there, or the first place of all. */
export function withVideo({ videos, clips, ...asked }: Draft, folders: readonly string[]): Question {
  for (const folder of folders)
    for (const name of videos) {
      const video = join(folder, name);
      if (!isFile(video)) continue;
      if (!clips?.includes(name)) return { ...asked, video };
      const { start: _start, end: _end, ...whole } = asked;
      return { ...whole, video };
    }
  return { ...asked, video: join(folders[0] ?? '', videos[0] ?? '') };
}

/**
 * Makes sure that the videos of all questions are there.
 *
 * @param file - The questions' file, for the message.
 * @param hint - Why they may be missing.
 * @throws InputError that says how many are not, the first of them, and what to do.
 */
export function requireVideos(file: string, questions: readonly Question[], hint?: string): void {
  const videos = [...new Set(questions.map(({ video }) => video))];
  const missing = videos.filter((video) => !addressOf(video) && !isFile(video));
  if (missing.length === 0) return;
  const count = `${missing.length} of ${videos.length} ${videos.length === 1 ? 'video' : 'videos'}`;
  throw new InputError(
    `${file}: ${count} not found, the first is ${missing[0]}${hint ? ` (${hint})` : ''}. Put the videos there, or name their folder with --videos DIR.`,
  );
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
