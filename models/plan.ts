import { InputError } from '../engine/errors.ts';
import { MOST_FREE_BYTES } from '../engine/pool.ts';
import { Runtime } from '../engine/runtime.ts';
import type { CheckpointFiles } from '../engine/safetensors.ts';
import { type AdapterDescription, virtualAdapter } from '../engine/virtual-adapter.ts';
import type { GenerationStats } from './generate.ts';
import { bytesOf, stretched } from './pictures.ts';
import type { TokenReducer } from './reduction.ts';
import { type LoadModelOptions, loadModel } from './registry.ts';
import type { EncodedPicture, EncodedVideo, LoadedWeights, PictureSize, Seen, VideoModel } from './video-model.ts';

/** What is planned for. */
export interface PlanOptions extends Pick<LoadModelOptions, 'dtype' | 'chatTemplate' | 'families'> {
  /** Of a video; 0 for none, where there are pictures. */
  readonly frames: number;
  /** Size of the video, which those of its frames may hang on, in pixels; default 1280 x 720. */
  readonly source?: PictureSize;
  /** Sizes of pictures that are shown before it. */
  readonly pictures?: readonly PictureSize[];
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
  const { frames } = options;
  using model = await loadModel(files, runtime, options);
  const loading = pool.memory.peakBytes;
  pool.resetPeak();
  using seen = await encodeBlank(model, options);
  const looking = pool.memory.peakBytes;
  pool.resetPeak();
  const stats = await firstTokens(model.withReducer(options.reducer), seen, options);
  const reduced = pool.memory.peakBytes;
  pool.resetPeak();
  const dense = options.reducer ? await firstTokens(model.withReducer(undefined), seen, options) : stats;
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
    visualTokens: [...seen.pictures, seen.video].reduce((sum, one) => sum + (one?.tokens.byteLength ?? 0), 0),
    cache: stats.cacheBytes,
    denseCache: dense.cacheBytes,
    loading,
    looking,
    answering,
    peak: Math.max(loading, looking, answering),
  };
}

/** What a model has looked at, to be given back. */
interface Blank extends Disposable {
  readonly video: EncodedVideo | undefined;
  readonly pictures: readonly EncodedPicture[];
}

/** Black pictures, and one of them as every frame. */
async function encodeBlank(model: VideoModel, options: PlanOptions): Promise<Blank> {
  const { frames, source = { width: 1280, height: 720 }, pictures: sizes = [] } = options;
  if (!(Number.isSafeInteger(frames) && frames >= (sizes.length > 0 ? 0 : 1)))
    throw new InputError(`frames must be a positive integer, got ${frames}.`);
  const pictures: EncodedPicture[] = [];
  for (const size of sizes) pictures.push(await encodeBlankPicture(model, size));
  const video = frames > 0 ? await encodeBlankVideo(model, frames, source) : undefined;
  const dispose = (): void => {
    for (const one of [...pictures, video]) one?.[Symbol.dispose]();
  };
  return { video, pictures, [Symbol.dispose]: dispose };
}

function encodeBlankVideo(model: VideoModel, frames: number, source: PictureSize): Promise<EncodedVideo> {
  const { size, pictures: picturesOf } = model.frameFormat;
  const one = typeof size === 'number' ? { width: size, height: size } : size(source, frames);
  const pictures = picturesOf?.(source) ?? [stretched(one)];
  const images = new Array<Uint8Array>(frames).fill(new Uint8Array(bytesOf(pictures)));
  return model.encode({ images, ...one, pictures, times: { frames, durationText: '0.00', timesText: '0.00s' } });
}

async function encodeBlankPicture(model: VideoModel, source: PictureSize): Promise<EncodedPicture> {
  // A model without a format refuses the picture by itself.
  const pieces = model.pictureFormat?.(source) ?? [stretched(source)];
  return model.encodePicture({ image: new Uint8Array(bytesOf(pieces)), pieces });
}

/** Prefill and as many tokens as are under way at once: later ones find buffers and room in the cache. */
async function firstTokens(model: VideoModel, seen: Seen, options: PlanOptions): Promise<GenerationStats> {
  const { maxNewTokens, question } = options;
  const answer = model.answer(seen, question, { maxNewTokens });
  let given = 0;
  for await (const _ of answer) if (++given === 4) break;
  return answer.stats;
}
