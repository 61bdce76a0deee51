/** What is asked about one video: shown once, then every question with every reducer. */
import type { EncodedVideo } from '../../models/inputs.ts';
import { computedShareOf } from '../../models/stats.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { given } from '../flags.ts';
import type { Log } from '../log.ts';
import { showFile } from '../show-video.ts';
import type { Given } from './results.ts';
import type { Run } from './runs.ts';

/** A video and what is asked about it. */
export interface VideoQuestions {
  readonly video: string;
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  readonly frames?: number | undefined;
  readonly maxNewTokens: number;
  /** All of the evaluation, whether open or not: a resumed one sees what a whole one does. */
  readonly runs: readonly Run[];
  readonly asked: readonly { readonly run: Run; readonly question: number; readonly prompt: string }[];
}

/**
 * Shows the model a video, for all reducers at once: with the attention in the tower where one needs it.
 *
 * @param named - What the catalogue calls the model.
 * @throws VideoError, InputError if the video is to blame.
 */
export async function encodeVideo(
  { model: dense, named }: { readonly model: VideoModel; readonly named: string },
  { video: path, start, end, frames, runs }: VideoQuestions,
  log: Log,
): Promise<EncodedVideo> {
  const model = dense.withReducer(runs.find(({ instance }) => instance?.salience)?.instance);
  const wishes = { ...given('frames', frames), ...given('start', start), ...given('end', end) };
  return (await showFile(path, { model, named }, wishes, log)).encoded;
}

/** Answers every question about a video, in their order. @param add - Takes each answer as it comes. */
export async function answerQuestions(
  { model, encoded }: { readonly model: VideoModel; readonly encoded: EncodedVideo },
  { asked, maxNewTokens }: VideoQuestions,
  add: (given: Given) => Promise<void>,
): Promise<void> {
  const counts = new Map<Run, number>();
  for (const { run } of asked) counts.set(run, (counts.get(run) ?? 0) + 1);
  // What questions about one video have in common is computed once.
  const sessions = new Map([...counts.keys()].map((run) => [run, model.withReducer(run.instance).session(encoded)]));
  try {
    for (const { run, question, prompt } of asked) {
      const base = sessions.get(run)!;
      // A single question has nothing to share.
      using session = counts.get(run)! > 1 ? base.fork() : base;
      const answer = session.ask(prompt, { maxNewTokens });
      const pieces: string[] = [];
      for await (const piece of answer) pieces.push(piece);
      await add({
        run: run.key,
        question,
        answer: pieces.join(''),
        computedShare: computedShareOf(answer.stats),
        actions: answer.stats.steps.map(({ action }) => action).filter((action) => action !== 'none'),
        seconds: answer.stats.prefillSeconds + answer.stats.decodeSeconds,
      });
    }
  } finally {
    for (const session of sessions.values()) session[Symbol.dispose]();
  }
}
