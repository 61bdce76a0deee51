/** What answers hang on besides the reducer: by this a file of results knows its evaluation. */
import { createHash } from 'node:crypto';
import { dirname, relative, resolve } from 'node:path';
import { addressOf } from '../../media/address.ts';
import { type AvailableModel, sourceOf } from '../fetch-model.ts';
import type { EvalArguments } from './arguments.ts';
import type { Question } from './question.ts';
import type { About } from './results.ts';

/** @param dtype - Of the weights, and what they are multiplied in. */
export function aboutOf(
  args: EvalArguments,
  choice: AvailableModel,
  questions: readonly Question[],
  dtype?: unknown,
): About {
  // The questions and not the file: some benchmarks keep answers and videos' names in others. Where the data lie is
  // not what they are.
  const folder = dirname(resolve(args.data));
  const asked = questions.map((question) => ({ ...question, video: placeOf(question.video, folder) }));
  return {
    data: createHash('sha256').update(JSON.stringify(asked)).digest('hex'),
    model: sourceOf(choice),
    dtype,
    frames: args.frames ?? choice.frames,
    maxNewTokens: args.maxNewTokens,
  };
}

function placeOf(video: string, folder: string): string {
  return addressOf(video) ? video : relative(folder, video);
}
