/** One question about one video: what a line of `ff-describe` is made from. */
import type { TokenReducer } from '../../models/reduction.ts';
import { computedShareOf } from '../../models/stats.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { given } from '../flags.ts';
import type { Log } from '../log.ts';
import { asksForAll, reducerOptions } from '../model-flags.ts';
import { type ReducerMaker, reducerMaker } from '../own-module.ts';
import { precisionOf } from '../report.ts';
import { showFile } from '../show-video.ts';
import type { DescribeArguments } from './arguments.ts';
import type { Described, DescribeSettings } from './line.ts';
import type { NamedVideo } from './videos.ts';

/** How videos are asked about, wherever that is done. */
export interface Asking
  extends Pick<
    DescribeArguments,
    | ('reducer' | 'cost' | 'keep' | 'tokens' | 'parity' | 'renumber' | 'similarity' | 'ratio' | 'seed')
    | ('frames' | 'fps' | 'skipStill' | 'piece' | 'maxNewTokens')
  > {
  readonly prompt: string;
}

/** The reducer at a budget; undefined is the dense model. */
export async function reducerFor(
  asking: Asking,
  defaults: Parameters<ReducerMaker>[1],
): Promise<(cost: number) => TokenReducer | undefined> {
  const { reducer, keep, tokens } = asking;
  const make = await reducerMaker(reducer);
  return (cost) =>
    asksForAll({ ...asking, cost }) ? undefined : make({ cost, keep, tokens, ...reducerOptions(asking) }, defaults);
}

/** What a model with its reducer is told apart by. */
export interface Subject {
  readonly model: VideoModel;
  /** What the catalogue calls it. */
  readonly named: string;
  readonly reducer: TokenReducer | undefined;
}

/** @throws VideoError, InputError if the video is to blame. */
export async function describeVideo(
  { model: dense, named, reducer }: Subject,
  { video: path, content }: NamedVideo,
  { asking, settings }: { readonly asking: Asking; readonly settings: Omit<DescribeSettings, 'dtype'> },
  log: Log,
): Promise<Described> {
  const { prompt, maxNewTokens } = asking;
  const model = dense.withReducer(reducer);
  const { frames, fps, skipStill, piece } = asking;
  const wishes = { ...given('frames', frames), ...given('fps', fps), skipStill, piece };
  const { sampled, encoded, visionSeconds } = await showFile(path, { model, named }, wishes, log);
  using seen = encoded;
  log.progress('answering');
  const answering = model.answer({ video: seen, pictures: [] }, prompt, { maxNewTokens });
  const pieces: string[] = [];
  for await (const piece of answering) pieces.push(piece);
  const { stats } = answering;
  return {
    video: path,
    content,
    answer: pieces.join(''),
    tokens: {
      prompt: stats.promptRows,
      video: stats.videoTokens,
      kept: Math.round(computedShareOf(stats) * stats.videoTokens),
      generated: stats.generated,
    },
    sampled: sampled.sampling.indices.length,
    seconds: {
      decodeVideo: sampled.decodeSeconds,
      preprocess: sampled.resizeSeconds,
      vision: visionSeconds,
      prefill: stats.prefillSeconds,
      decode: stats.decodeSeconds,
    },
    ...settings,
    dtype: precisionOf(model),
  };
}
