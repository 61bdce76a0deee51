/** Describes videos in this process. */
import { isVideosFault } from '../errors.ts';
import type { AvailableModel } from '../fetch-model.ts';
import type { Log } from '../log.ts';
import { openModel } from '../open-model.ts';
import { precisionOf } from '../report.ts';
import type { DescribeArguments } from './arguments.ts';
import { type Asking, describeVideo, reducerFor } from './describe-video.ts';
import type { Descriptions } from './descriptions.ts';
import type { DescribeSettings, Undescribed } from './line.ts';
import type { NamedVideo } from './videos.ts';

/** What is to be done: who is asked, how, about which videos, and where it goes. */
export interface Describing {
  readonly choice: AvailableModel;
  readonly asking: Asking;
  readonly settings: Omit<DescribeSettings, 'dtype'>;
  readonly descriptions: Descriptions;
  readonly videos: readonly NamedVideo[];
}

/** @returns The videos that could not be described. @throws What loading the model throws, and what is no video's fault. */
export async function describeHere(
  args: DescribeArguments & { readonly version: string },
  { choice, asking, settings, descriptions, videos }: Describing,
  log: Log,
): Promise<Undescribed[]> {
  const reducer = await reducerFor(asking, choice);
  using opened = await openModel(args, choice, log, {
    dtype: args.dtype,
    frames: settings.frames,
    piece: asking.piece,
    cost: asking.cost,
    reducer,
    question: asking.prompt,
    maxNewTokens: asking.maxNewTokens,
  });
  const { model } = opened;
  descriptions.requireDtype(precisionOf(model));
  const subject = { model, named: choice.name, reducer: reducer(asking.cost) };
  const failed: Undescribed[] = [];
  for (const [i, named] of videos.entries()) {
    log.progress('describing', i, videos.length);
    try {
      await descriptions.add(await describeVideo(subject, named, { asking, settings }, log));
    } catch (error) {
      if (!isVideosFault(error)) throw error;
      const line = { ...named, error: error.message };
      failed.push(line);
      log.warn(error.message);
      await descriptions.add(line);
    }
  }
  return failed;
}
