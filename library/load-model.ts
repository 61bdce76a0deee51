/** One call from a name to a model that answers: what `loadModel` is on every platform. */

import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { InputError } from '../engine/errors.ts';
import type { Runtime } from '../engine/runtime.ts';
import { shownValue } from '../engine/text.ts';
import type { BaselineOptions } from '../framefusion/baselines.ts';
import type { FrameFusionOptions } from '../framefusion/framefusion.ts';
import { reducerNamed } from '../framefusion/reducers.ts';
import type { BudgetOptions } from '../framefusion/shares.ts';
import { sampleVideo } from '../media/sample-video.ts';
import type { Video } from '../media/video.ts';
import type { VideoReader, VideoSource } from '../models/inputs.ts';
import type { TokenReducer } from '../models/reduction.ts';
import { type LoadCheckpointOptions, loadCheckpoint } from '../models/registry.ts';
import type { VideoModel } from '../models/video-model.ts';
import { defaultsOf, type NamedModel } from './named-model.ts';

/** How far loading is. */
export interface LoadProgress {
  readonly stage: 'download' | 'load';
  /** Bytes, of how many. */
  readonly done: number;
  readonly of: number;
}

/** How to load a model by one call. Everything has the command's own defaults. */
export interface LoadModelOptions
  extends Partial<FrameFusionOptions>,
    Pick<BaselineOptions, 'seed'>,
    Pick<BudgetOptions, 'keep' | 'parity' | 'renumber'>,
    Pick<LoadCheckpointOptions, 'dtype' | 'families' | 'processor' | 'signal'> {
  /** A name (`framefusion`, the default, `fastv`, ..., `none` for the dense model) or a reducer of your own. */
  readonly reducer?: string | TokenReducer | undefined;
  /** What it computes on; default one of its own, which is closed with the model. */
  readonly runtime?: Runtime | undefined;
  /** Told while files come and weights load. */
  readonly progress?: ((progress: LoadProgress) => void) | undefined;
}

/** What the platform brings. */
export interface Platform {
  readonly openRuntime: () => Promise<Runtime>;
  readonly reader: VideoReader;
}

/** How a platform reads videos for its models: all of it ends with the signal. */
export function readerOf(
  openVideo: (source: VideoSource, options: { readonly signal?: AbortSignal }) => Promise<Video>,
): VideoReader {
  return async (source, sampling, signal) => {
    const video = await openVideo(source, signal ? { signal } : {});
    try {
      return await sampleVideo(video, { ...sampling, signal });
    } finally {
      await video.close();
    }
  };
}

/** @throws InputError if a setting is outside what is allowed, before anything is loaded. */
export function checkedReducer(options: LoadModelOptions, named: NamedModel): TokenReducer | undefined {
  const { reducer = 'framefusion', cost, similarityLowerBound, ratioLowerBound, seed } = options;
  const { budgetLayers, kv, separators, scoreRows, keep, parity, renumber } = options;
  if (typeof reducer === 'object') return reducer;
  if (typeof reducer !== 'string')
    throw new InputError(`loadModel: reducer must be a name or a reducer, got ${shownValue(reducer)}.`);
  // As the command has it: at cost 1 every token is kept, which is the dense model.
  if (cost === 1 && keep === undefined && reducer !== 'none') return undefined;
  const bounds = { similarityLowerBound, ratioLowerBound, budgetLayers, kv, separators, scoreRows };
  const settings = { cost, keep, parity, renumber, seed, ...bounds };
  return reducerNamed(reducer, settings, named);
}

/** Loads a model whose files are at hand, on its own runtime unless one is given. */
export async function loadNamed(
  files: CheckpointFiles,
  named: NamedModel & { readonly name: string },
  options: LoadModelOptions,
  { openRuntime, reader }: Platform,
): Promise<VideoModel> {
  const { progress, signal, families } = options;
  const reducer = checkedReducer(options, named);
  const runtime = options.runtime ?? (await openRuntime());
  const close = options.runtime ? undefined : (): void => runtime.close();
  try {
    const model = await loadCheckpoint(files, runtime, {
      name: named.name,
      dtype: options.dtype ?? named.dtype,
      processor: options.processor ?? named.processor,
      defaults: defaultsOf(named),
      reader,
      close,
      signal,
      ...(families && { families }),
      progress: (done, of) => progress?.({ stage: 'load', done, of }),
    });
    return model.withReducer(reducer);
  } catch (error) {
    close?.();
    throw error;
  }
}
