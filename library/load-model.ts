/** One call from a name to a model that answers: what `loadModel` is on every platform. */

import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { InputError } from '../engine/errors.ts';
import { requireObject } from '../engine/misuse.ts';
import type { Runtime } from '../engine/runtime.ts';
import { shownValue } from '../engine/text.ts';
import type { BaselineOptions } from '../framefusion/baselines.ts';
import type { FrameFusionOptions } from '../framefusion/framefusion.ts';
import { type ReducerOptions, reducerNamed } from '../framefusion/reducers.ts';
import type { BudgetOptions } from '../framefusion/shares.ts';
import { sampleVideo } from '../media/sample-video.ts';
import type { Video } from '../media/video.ts';
import type { VideoReader, VideoSource } from '../models/inputs.ts';
import type { TokenReducer } from '../models/reduction.ts';
import { type LoadCheckpointOptions, loadCheckpoint } from '../models/registry.ts';
import type { VideoModel } from '../models/video-model.ts';
import { defaultsOf, type NamedModel, UNNAMED } from './named-model.ts';

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
    Pick<ReducerOptions, 'tokens'>,
    Pick<LoadCheckpointOptions, 'dtype' | 'families' | 'processor' | 'signal'> {
  /** A name (`framefusion`, the default, `fastv`, ..., `none` for the dense model) or a reducer of your own. */
  readonly reducer?: string | TokenReducer | undefined;
  /** What it computes on; default one of its own, which is closed with the model. */
  readonly runtime?: Runtime | undefined;
  /** Told while files come and weights load. */
  readonly progress?: ((progress: LoadProgress) => void) | undefined;
}

/** A model by its name, and how its files are had. */
export interface FoundModel<F = CheckpointFiles | Promise<CheckpointFiles>> {
  readonly named: NamedModel & { readonly name: string };
  readonly files: () => F;
}

/** What the platform brings. */
export interface Platform {
  readonly openRuntime: () => Promise<Runtime>;
  readonly reader: VideoReader;
  /** What `find` knows, in words. */
  readonly sources: string;
  readonly find: (source: string) => FoundModel;
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

/** @throws InputError if a setting is outside what is allowed. */
function checkedReducer(options: LoadModelOptions, named: NamedModel): TokenReducer | undefined {
  const { reducer = 'framefusion', cost, similarityLowerBound, ratioLowerBound, seed } = options;
  const { budgetLayers, kv, separators, scoreRows, keep, tokens, parity, renumber } = options;
  if (typeof reducer === 'object') return reducer;
  if (typeof reducer !== 'string')
    throw new InputError(`loadModel: reducer must be a name or a reducer, got ${shownValue(reducer)}.`);
  // As the command has it: at cost 1 every token is kept, which is the dense model.
  if (cost === 1 && keep === undefined && tokens === undefined && reducer !== 'none') return undefined;
  const bounds = { similarityLowerBound, ratioLowerBound, budgetLayers, kv, separators, scoreRows };
  const settings = { cost, keep, tokens, parity, renumber, seed, ...bounds };
  return reducerNamed(reducer, settings, named);
}

/**
 * Loads a model from files, or from what its name stands for.
 *
 * @throws InputError if a setting is outside what is allowed, before anything is downloaded, or `find` knows no such model.
 */
export async function loadFrom(
  source: string | CheckpointFiles,
  options: LoadModelOptions,
  platform: Platform,
): Promise<VideoModel> {
  requireObject('loadModel', 'options: { cost, ... }', options);
  if (typeof source === 'object' && typeof source?.open === 'function')
    return loadNamed({ named: { ...UNNAMED, name: source.name }, files: () => source }, options, platform);
  if (typeof source !== 'string')
    throw new InputError(`loadModel: a model is ${platform.sources} or files, got ${typeof source}.`);
  return loadNamed(platform.find(source), options, platform);
}

/** Loads a model on its own runtime unless one is given. */
async function loadNamed(
  { named, files }: FoundModel,
  options: LoadModelOptions,
  { openRuntime, reader }: Platform,
): Promise<VideoModel> {
  const { progress, signal, families } = options;
  const reducer = checkedReducer(options, named);
  const found = await files();
  const runtime = options.runtime ?? (await openRuntime());
  const close = options.runtime ? undefined : (): void => runtime.close();
  try {
    return await loadCheckpoint(found, runtime, {
      name: named.name,
      dtype: options.dtype ?? named.dtype,
      processor: options.processor ?? named.processor,
      defaults: defaultsOf(named),
      reader,
      close,
      signal,
      ...(families && { families }),
      progress: (done, of) => progress?.({ stage: 'load', done, of }),
      reducer,
    });
  } catch (error) {
    close?.();
    throw error;
  }
}
