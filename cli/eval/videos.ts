/** The videos that a model is calibrated with. */
import { videosAt } from '../videos-at.ts';
import type { CalibrateArguments } from './arguments.ts';
import { requireVideos } from './benchmarks/videos.ts';
import { readQuestions } from './questions.ts';

/** Those of a question file, each once, or all in a folder by name, or a single file. @throws InputError if there are none. */
export async function videosOf(args: CalibrateArguments): Promise<string[]> {
  const { data, videos = '.', limit } = args;
  if (data === undefined) return (await videosAt(videos, `--videos ${videos}`)).slice(0, limit);
  const questions = await readQuestions(data, args);
  requireVideos(data, questions);
  return [...new Set(questions.map(({ video }) => video))];
}
