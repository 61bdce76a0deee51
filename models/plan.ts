import { InputError } from '../engine/errors.ts';
import { MOST_FREE_BYTES } from '../engine/pool.ts';
import { Runtime } from '../engine/runtime.ts';
import type { CheckpointFiles } from '../engine/safetensors.ts';
import { type AdapterDescription, virtualAdapter } from '../engine/virtual-adapter.ts';
import type { GenerationStats } from './generate.ts';
import { picturesOf, type Size } from './pictures.ts';
import type { TokenReducer } from './reduction.ts';
import { loadModel } from './registry.ts';
import type { EncodedVideo, LoadedWeights, LoadOptions, VideoModel } from './video-model.ts';

const HD: Size = { width: 1280, height: 720 };

/** What is planned for. */
export interface PlanOptions extends Pick<LoadOptions, 'dtype' | 'chatTemplate'> {
  readonly frames: number;
  /** Size of the video's frames, on which some families' number of tokens hangs. Default: 1280 x 720. */
  readonly frameSize?: Size | undefined;
  readonly question: string;
  /** Ids generated at most. */
  readonly maxNewTokens: number;
  /** Of the run; undefined is the dense model. */
  readonly reducer: TokenReducer | undefined;
}

/** GPU memory of one run, in bytes. */
export interface MemoryPlan {
  readonly architecture: string;
  readonly act: 'f32' | 'f16';
  readonly weights: LoadedWeights;
  readonly frames: number;
  /** Of the prompt, and how many of them are video. */
  readonly rows: number;
  readonly videoTokens: number;
  /** The video's tokens, which questions share. */
  readonly visualTokens: number;
  /** Keys and values of the prompt, and what they would be with all tokens. */
  readonly cache: number;
  readonly denseCache: number;
  /** All that there is at most at a time: while weights load, while frames are looked at, while the answer is made. */
  readonly loading: number;
  readonly looking: number;
  readonly answering: number;
  /** The largest of these. */
  readonly peak: number;
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
  using runtime = await Runtime.open(virtualAdapter(like));
  const { pool } = runtime;
  const { dtype = 'auto', chatTemplate = 'tokenizer', frames } = options;
  using model = await loadModel(files, runtime, { dtype, chatTemplate });
  const loading = pool.memory.peakBytes;
  pool.resetPeak();
  using video = await encodeBlank(model, options);
  const looking = pool.memory.peakBytes;
  pool.resetPeak();
  const stats = await firstTokens(model.withReducer(options.reducer), video, options);
  const reduced = pool.memory.peakBytes;
  pool.resetPeak();
  const dense = options.reducer ? await firstTokens(model.withReducer(undefined), video, options) : stats;
  // A sequence that is shortened in several steps leaves buffers of several lengths to the pool.
  const answering = options.reducer ? Math.min(pool.memory.peakBytes, reduced + MOST_FREE_BYTES) : reduced;
  await runtime.check();
  return {
    architecture: model.architecture,
    act: model.act,
    weights: model.weights,
    frames,
    rows: stats.promptRows,
    videoTokens: stats.videoTokens,
    visualTokens: video.tokens.byteLength,
    cache: stats.cacheBytes,
    denseCache: dense.cacheBytes,
    loading,
    looking,
    answering,
    peak: Math.max(loading, looking, answering),
  };
}

/** One black picture as every frame. */
function encodeBlank(model: VideoModel, { frames, frameSize = HD }: PlanOptions): Promise<EncodedVideo> {
  if (!(Number.isSafeInteger(frames) && frames > 0))
    throw new InputError(`frames must be a positive integer, got ${frames}.`);
  const pictures = picturesOf(model.frameFormat, frameSize);
  const bytes = pictures.reduce((sum, { width, height }) => sum + 3 * width * height, 0);
  const images = new Array<Uint8Array>(frames).fill(new Uint8Array(bytes));
  return model.encode({ images, pictures, times: { frames, durationText: '0.00', timesText: '0.00s' } });
}

/** Prefill and as many tokens as are under way at once: later ones find buffers and room in the cache. */
async function firstTokens(model: VideoModel, video: EncodedVideo, options: PlanOptions): Promise<GenerationStats> {
  const { maxNewTokens, question } = options;
  const answer = model.answer(video, question, { maxNewTokens });
  let given = 0;
  for await (const _ of answer) if (++given === 4) break;
  return answer.stats;
}
