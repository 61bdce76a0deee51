/** Answers every question in this process. */
import type { VideoModel } from '../../models/video-model.ts';
import { isVideosFault } from '../errors.ts';
import type { AvailableModel } from '../fetch-model.ts';
import type { Log } from '../log.ts';
import { openModel } from '../open-model.ts';
import { precisionOf } from '../report.ts';
import { aboutOf } from './about.ts';
import { answerQuestions, encodeVideo } from './answer-video.ts';
import type { EvalArguments } from './arguments.ts';
import type { Question } from './question.ts';
import { judged, promptFor } from './questions.ts';
import type { SkippedVideo } from './report.ts';
import { Results } from './results.ts';
import { groupsOf, openIn, type Run, wantedBy } from './runs.ts';

/** What is to be asked. */
export interface Asked {
  readonly choice: AvailableModel;
  readonly questions: readonly Question[];
  readonly runs: readonly Run[];
}

/** What was answered, and by what. */
export interface Answered {
  readonly results: Results;
  readonly skipped: readonly SkippedVideo[];
  readonly dtype: string;
  readonly adapter: string;
}

/** @throws What loading the model or a video throws. */
export async function answerHere(args: EvalArguments, asked: Asked, log: Log): Promise<Answered> {
  const { choice, questions, runs } = asked;
  const { dtype: wished, frames = choice.frames, maxNewTokens } = args;
  using opened = await openModel(args, choice, log, wantedBy(runs, { dtype: wished, frames, maxNewTokens }));
  const { model, runtime } = opened;
  const dtype = precisionOf(model);
  const about = aboutOf(args, choice, questions, dtype);
  await using results = await Results.open(args.results, about, (line) => log.warn(line));
  const skipped = await answerAll(args, { ...asked, model, results }, log);
  return { results, skipped, dtype, adapter: runtime.adapterName };
}

interface Work extends Asked {
  readonly model: VideoModel;
  readonly results: Results;
}

/** @returns The videos that could not be read, where that is not an error. */
async function answerAll(args: EvalArguments, work: Work, log: Log): Promise<SkippedVideo[]> {
  const { choice, model, questions, runs, results } = work;
  const total = questions.length * runs.length;
  const skipped: SkippedVideo[] = [];
  let done = 0;
  for (const group of groupsOf(questions)) {
    const open = openIn(group, runs, results);
    done += group.questions.length * runs.length - open.length;
    if (open.length === 0) continue;
    const asked = open.map(({ run, question, index }) => ({ run, question: index, prompt: promptFor(question) }));
    const task = { ...group.shown, frames: args.frames, maxNewTokens: args.maxNewTokens, runs, asked };
    const encoded = await encodeVideo({ model, named: choice.name }, task, log).catch((error: unknown) => {
      if (!args.skipBroken || !isVideosFault(error)) throw error;
      skipped.push({ video: task.video, questions: group.questions.length, reason: error.message });
      log.warn(`left out: ${error.message}`);
    });
    if (!encoded) {
      done += open.length;
      continue;
    }
    using shown = encoded;
    await answerQuestions({ model, encoded: shown }, task, async (given) => {
      log.progress('answering', ++done, total);
      await results.add(judged(given, questions));
    });
  }
  return skipped;
}
