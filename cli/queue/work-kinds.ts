/** What workers can do: each kind of work, and what it takes. */
import type { VideoModel } from '../../models/video-model.ts';
import { type Asking, describeVideo, reducerFor } from '../describe/describe-video.ts';
import type { DescribeSettings } from '../describe/line.ts';
import { answerQuestions, encodeVideo } from '../eval/answer-video.ts';
import type { Given } from '../eval/results.ts';
import { type RunSettings, runsOf, wantedBy } from '../eval/runs.ts';
import type { AvailableModel } from '../fetch-model.ts';
import type { Wanted } from '../fit.ts';
import type { Log } from '../log.ts';
import type { Item, Terms } from './job.ts';

/** A kind of work with its settings. */
export interface Kind {
  /** What the model will be asked for. */
  readonly wanted: Wanted;
  /** Does one job. */
  work(model: VideoModel, item: Item, log: Log): Promise<unknown>;
}

/** Settings of an evaluation. */
export interface EvalSettings extends RunSettings {
  readonly frames?: number;
  readonly maxNewTokens: number;
}

/** A video and the questions about it; runs by their index. */
export interface EvalItem extends Item {
  readonly start?: number;
  readonly end?: number;
  readonly asked: readonly { readonly run: number; readonly question: number; readonly prompt: string }[];
}

/** Settings of descriptions. */
export interface DescribeTerms {
  readonly asking: Asking;
  readonly settings: Omit<DescribeSettings, 'dtype'>;
}

/** The kind of work that is asked for, for a model. */
export function kindOf({ kind, settings, model }: Terms, choice: AvailableModel): Promise<Kind> {
  const { dtype } = model;
  return kind === 'eval'
    ? evalKind(settings as EvalSettings, choice, dtype)
    : describeKind(settings as DescribeTerms, choice, dtype);
}

async function evalKind(settings: EvalSettings, choice: AvailableModel, dtype: Wanted['dtype']): Promise<Kind> {
  const { frames, maxNewTokens } = settings;
  const runs = await runsOf(settings, choice);
  const work = async (model: VideoModel, item: Item, log: Log): Promise<Given[]> => {
    const { asked, ...shown } = item as EvalItem;
    const task = { ...shown, frames, maxNewTokens, runs, asked: asked.map((one) => ({ ...one, run: runs[one.run]! })) };
    using encoded = await encodeVideo({ model, named: choice.name }, task, log);
    const answers: Given[] = [];
    await answerQuestions({ model, encoded }, task, async (given) => {
      log.progress('answering', answers.push(given), asked.length);
    });
    return answers;
  };
  return { wanted: wantedBy(runs, { dtype, frames: frames ?? choice.frames, maxNewTokens }), work };
}

async function describeKind(terms: DescribeTerms, choice: AvailableModel, dtype: Wanted['dtype']): Promise<Kind> {
  const { asking, settings } = terms;
  const { cost, prompt, maxNewTokens } = asking;
  const reducer = await reducerFor(asking, choice);
  return {
    wanted: { dtype, frames: settings.frames, cost, reducer, question: prompt, maxNewTokens },
    work: (model, item, log) => describeVideo({ model, named: choice.name, reducer: reducer(cost) }, item, terms, log),
  };
}
