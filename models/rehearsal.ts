import { InputError } from '../engine/errors.ts';
import type { Size } from '../engine/geometry.ts';
import type { PipelineUse } from '../engine/pipelines.ts';
import { Runtime } from '../engine/runtime.ts';
import { virtualAdapter } from '../engine/virtual-adapter.ts';
import { blankTimes } from './chat.ts';
import type { EncodedPicture, EncodedVideo, Inputs } from './inputs.ts';
import { bytesOf, stretched } from './pictures.ts';
import type { GenerationStats } from './stats.ts';
import type { VideoModel } from './video-model.ts';

/** What a model on a virtual adapter is shown and asked. */
export interface Rehearsed {
  /** Of a video, or of each of several; 0 for none, where there are pictures. */
  readonly frames: number | readonly number[];
  /** Size of the video, or of each, which those of its frames may hang on, in pixels; default 1280 x 720. */
  readonly source?: Size | readonly Size[];
  /** Sizes of pictures that are shown before them. */
  readonly pictures?: readonly Size[];
  /** As `EncodeOptions` has it. */
  readonly piece?: number | undefined;
  readonly question: string;
  /** Ids generated at most. */
  readonly maxNewTokens: number;
  readonly allowLong?: boolean;
}

/** Enough for what depends on the number of rows and keys; more would take longer and use nothing else. */
const SHORT: Rehearsed = { frames: 4, question: 'What is this?', maxNewTokens: 4 };

/**
 * What the first answer of a model will dispatch, by a short one on a virtual adapter.
 *
 * @param like - The adapter that will answer.
 * @param loadOn - Loads the model on another.
 */
export async function rehearse(
  like: Runtime,
  loadOn: (runtime: Runtime) => Promise<VideoModel & Disposable>,
): Promise<PipelineUse[]> {
  using runtime = await Runtime.open(virtualAdapter(like));
  try {
    using model = await loadOn(runtime);
    using seen = await encodeBlank(model, SHORT);
    await firstTokens(model, seen, SHORT);
  } catch {
    // The real run meets it too, and says it. What was used up to here it uses as well.
  }
  return runtime.pipelines.uses;
}

/** The size of a video of which none is known. */
const USUAL: Size = { width: 1280, height: 720 };

/** Frames that are enough to count the rows of one. */
const FEW = 8;

/** The videos among what is shown. */
function videosIn({ frames, source }: Rehearsed): { readonly frames: number; readonly source: Size }[] {
  const counts = typeof frames === 'number' ? [frames] : frames;
  const sources = source && 'length' in source ? source : [source];
  return counts.map((count, i) => ({ frames: count, source: sources[i] ?? USUAL }));
}

/**
 * Makes sure that a sequence can have the rows of so many frames, without looking at them all.
 *
 * @throws InputError with the number of frames that it can have.
 */
export async function requireRows(model: VideoModel, shown: Rehearsed): Promise<void> {
  if (shown.piece !== undefined) return; // what is left of pieces follows from all of them
  const videos = videosIn(shown).filter(({ frames }) => frames > FEW);
  let [rows, frames] = [0, 0];
  for (const video of videos) {
    using few = await encodeBlankVideo(model, FEW, { ...shown, ...video });
    rows += (few.tokens.shape[0]! * video.frames) / FEW;
    frames += video.frames;
  }
  if (rows <= MOST_ROWS) return;
  const most = Math.floor((MOST_ROWS * frames) / rows / videos.length);
  throw new InputError(
    `${frames} frames are ${Math.ceil(rows)} rows, and a sequence has at most ${MOST_ROWS}. Use --frames ${most} or fewer.`,
  );
}

/** A kernel has a workgroup a row, and adapters run as many along an axis. */
const MOST_ROWS = 65_535;

/** What a model has looked at, to be given back. */
export interface Blank extends Disposable {
  readonly video: readonly EncodedVideo[];
  readonly pictures: readonly EncodedPicture[];
}

/** Black pictures, and one of them as every frame. */
export async function encodeBlank(model: VideoModel, options: Rehearsed): Promise<Blank> {
  const { pictures: sizes = [] } = options;
  const videos = videosIn(options);
  for (const { frames } of videos)
    if (!(Number.isSafeInteger(frames) && frames >= (sizes.length > 0 ? 0 : 1)))
      throw new InputError(`frames must be a positive integer, got ${frames}.`);
  const pictures: EncodedPicture[] = [];
  for (const size of sizes) pictures.push(await encodeBlankPicture(model, size));
  const video: EncodedVideo[] = [];
  for (const one of videos)
    if (one.frames > 0) video.push(await encodeBlankVideo(model, one.frames, { ...options, ...one }));
  const dispose = (): void => {
    for (const one of [...pictures, ...video]) one[Symbol.dispose]();
  };
  return { video, pictures, [Symbol.dispose]: dispose };
}

/** @param of - The video that these frames are a part of: their size may hang on how many it has. */
function encodeBlankVideo(
  model: VideoModel,
  frames: number,
  { source, piece, ...of }: { readonly frames: number; readonly source: Size; readonly piece?: number | undefined },
): Promise<EncodedVideo> {
  const { size, pictures: picturesOf } = model.frameFormat;
  const one = typeof size === 'number' ? { width: size, height: size } : size(source, of.frames);
  const pictures = picturesOf?.(source) ?? [stretched(one)];
  const images = new Array<Uint8Array>(frames).fill(new Uint8Array(bytesOf(pictures)));
  return model.encode({ images, ...one, pictures, times: blankTimes(frames) }, { piece });
}

async function encodeBlankPicture(model: VideoModel, source: Size): Promise<EncodedPicture> {
  // A model without a format refuses the picture by itself.
  const crops = model.pictureFormat?.(source) ?? [stretched(source)];
  return model.encodePicture({ image: new Uint8Array(bytesOf(crops)), crops });
}

/** Prefill and as many tokens as are under way at once: later ones find buffers and room in the cache. */
export async function firstTokens(model: VideoModel, seen: Inputs, options: Rehearsed): Promise<GenerationStats> {
  const { maxNewTokens, question, allowLong = false } = options;
  const answer = model.answer(seen, question, { maxNewTokens, allowLong });
  let given = 0;
  for await (const _ of answer) if (++given === 4) break;
  return answer.stats;
}
