import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { InputError } from '../engine/errors.ts';
import { requireObject } from '../engine/misuse.ts';
import type { PipelineUse } from '../engine/pipelines.ts';
import { MOST_FREE_BYTES } from '../engine/pool.ts';
import { Runtime } from '../engine/runtime.ts';
import { type AdapterDescription, virtualAdapter } from '../engine/virtual-adapter.ts';
import type { TokenReducer } from './reduction.ts';
import { type LoadCheckpointOptions, loadCheckpoint } from './registry.ts';
import { encodeBlank, firstTokens, type Rehearsed, requireRows } from './rehearsal.ts';
import type { VideoModel } from './video-model.ts';
import type { LoadedWeights } from './weights.ts';

/** What is planned for. */
export interface PlanOptions
  extends Omit<Rehearsed, 'frames'>,
    Pick<LoadCheckpointOptions, 'dtype' | 'families' | 'processor' | 'signal'> {
  /** Of a video, or of each of several, 0 for none where there are pictures; or what says how many the model will be shown. */
  readonly frames: Rehearsed['frames'] | ((model: VideoModel) => Rehearsed['frames']);
  /** Of the run; undefined is the dense model. */
  readonly reducer: TokenReducer | undefined;
}

/** GPU memory of one run, in bytes, and its pipelines. */
export interface MemoryPlan {
  readonly architecture: string;
  readonly computeDtype: 'f32' | 'f16';
  readonly weights: LoadedWeights;
  /** Of all videos. */
  readonly frames: number;
  /** Of the prompt, and how many of them are video. */
  readonly rows: number;
  readonly videoTokens: number;
  /** The video's tokens, which questions share. */
  readonly visualTokens: number;
  /** Keys and values of the prompt, and what they would be with all tokens. */
  readonly cache: number;
  readonly denseCache: number;
  /** Peak bytes of each phase: while weights load, while frames are encoded, while the answer is generated. */
  readonly loading: number;
  readonly vision: number;
  readonly generation: number;
  /** The largest of these. */
  readonly peak: number;
  /** All that the run was seen to dispatch: `loadModel` compiles them while weights load. */
  readonly pipelines: readonly PipelineUse[];
}

/**
 * What a run will allocate, by running it on a virtual adapter: the same code asks for the same buffers. Nothing is
 * loaded but the headers of the checkpoint. A reducer that hangs on data sees zeros.
 *
 * @param like - The adapter that is planned for.
 * @throws WeightsError as `loadModel`; InputError if a tensor is larger than the adapter's buffers or bindings.
 */
export async function planMemory(
  files: CheckpointFiles,
  like: Runtime | AdapterDescription,
  options: PlanOptions,
): Promise<MemoryPlan> {
  if (typeof files?.open !== 'function')
    throw new InputError('planMemory: it must be given the files of a checkpoint.');
  requireObject('planMemory', 'a runtime, or the description of an adapter', like);
  requireObject('planMemory', 'options: { frames, question, maxNewTokens, reducer }', options);
  using runtime = await Runtime.open(virtualAdapter(like));
  const { pool } = runtime;
  using model = await loadCheckpoint(files, runtime, options);
  const loading = pool.memory.peakBytes;
  const frames = typeof options.frames === 'function' ? options.frames(model) : options.frames;
  const shown: Rehearsed = { ...options, frames };
  await requireRows(model, shown);
  pool.resetPeak();
  options.signal?.throwIfAborted();
  using seen = await encodeBlank(model.withReducer(options.reducer), shown);
  const vision = pool.memory.peakBytes;
  pool.resetPeak();
  const stats = await firstTokens(model.withReducer(options.reducer), seen, shown);
  const reduced = pool.memory.peakBytes;
  pool.resetPeak();
  const dense = options.reducer ? await firstTokens(model.withReducer(undefined), seen, shown) : stats;
  // A sequence that is shortened in several steps leaves buffers of several lengths to the pool.
  const generation = options.reducer ? Math.min(pool.memory.peakBytes, reduced + MOST_FREE_BYTES) : reduced;
  await runtime.check();
  return {
    architecture: model.architecture,
    computeDtype: model.computeDtype,
    weights: model.weights,
    frames: seen.video.reduce((sum, video) => sum + video.frames, 0),
    rows: stats.promptRows,
    videoTokens: stats.videoTokens,
    visualTokens: [...seen.pictures, ...seen.video].reduce((sum, { tokens }) => sum + tokens.byteLength, 0),
    cache: stats.cacheBytes,
    denseCache: dense.cacheBytes,
    loading,
    vision,
    generation,
    peak: Math.max(loading, vision, generation),
    pipelines: runtime.pipelines.uses,
  };
}
