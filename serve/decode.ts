/** Files to what a model is shown, within the server's bounds. */
import type { CroppedPicture, CropsOf } from '../engine/geometry.ts';
import { cropPicture } from '../media/crop-picture.ts';
import { openVideo } from '../media/open-video.ts';
import { openPicture } from '../media/picture.ts';
import { openPictureVideo } from '../media/picture-video.ts';
import { type SampledVideo, sampleVideo } from '../media/sample-video.ts';
import type { Video } from '../media/video.ts';
import { samplingOf } from '../models/defaults.ts';
import type { SamplingWishes } from '../models/inputs.ts';
import type { VideoModel } from '../models/video-model.ts';
import { badRequest } from './errors.ts';
import type { Source } from './sources.ts';

/** How much is decoded. */
export interface DecodeLimits {
  readonly maxVideoSeconds: number;
  /** Longest time for the decoding itself. */
  readonly timeoutSeconds: number;
}

/** Pixels of a frame: beyond them a picture of few bytes would fill the memory. */
const MAX_PIXELS = 2 ** 26;

/** A video: one file, or a file for each frame with its time. */
export interface VideoFiles {
  readonly sources: readonly Source[];
  readonly seconds: readonly number[] | undefined;
  /** What errors call it. */
  readonly place: string;
}

/** @throws VideoError, ApiError - for the client. */
export async function decodePicture(
  { data }: Source,
  place: string,
  crops: CropsOf,
  { timeoutSeconds }: DecodeLimits,
  signal: AbortSignal,
): Promise<CroppedPicture> {
  return inTime(place, timeoutSeconds, signal, async (late) => {
    const picture = await openPicture(data[0]!, { name: place, timeoutSeconds, maxPixels: MAX_PIXELS, signal: late });
    return cropPicture(picture, crops(picture));
  });
}

/** A video's frames, and what it is. */
export interface Decoded {
  readonly sampled: SampledVideo;
  readonly about: Pick<Video, 'name' | 'decoder' | 'info' | 'warnings'>;
}

/** @throws VideoError, ApiError - for the client. */
export function decodeVideo(
  files: VideoFiles,
  model: VideoModel,
  wishes: SamplingWishes,
  limits: DecodeLimits,
  signal: AbortSignal,
): Promise<Decoded> {
  return inTime(files.place, limits.timeoutSeconds, signal, (late) => decoded(files, model, wishes, limits, late));
}

async function decoded(
  files: VideoFiles,
  model: VideoModel,
  wishes: SamplingWishes,
  { timeoutSeconds, maxVideoSeconds }: DecodeLimits,
  signal: AbortSignal,
): Promise<Decoded> {
  const { place } = files;
  const options = { name: place, timeoutSeconds, maxPixels: MAX_PIXELS, signal };
  const { video, frames } = await opened(files, options, wishes);
  try {
    const { durationSeconds, width, height } = video.info;
    if (durationSeconds > maxVideoSeconds)
      throw badRequest(
        `${place}: it lasts ${durationSeconds.toFixed(0)} s, and this server takes ${maxVideoSeconds} s at most.`,
        { param: place, code: 'video_too_long' },
      );
    if (width * height > MAX_PIXELS) throw badRequest(`${place}: its frames have too many pixels.`, { param: place });
    const settings = samplingOf(model, wishes);
    // Frames that were chosen by the client are all shown, as far as that many are allowed.
    const all = frames && { maxFrames: Math.min(settings.maxFrames, video.info.frames), forceSample: true };
    const sampled = await sampleVideo(video, { ...settings, ...all, signal });
    const { name, decoder, info, warnings } = video;
    return { sampled, about: { name, decoder, info, warnings } };
  } finally {
    await video.close();
  }
}

async function opened(
  { sources, seconds, place }: VideoFiles,
  options: Parameters<typeof openVideo>[1] & { readonly name: string },
  { fps }: SamplingWishes,
): Promise<{ readonly video: Video; readonly frames: boolean }> {
  const [first] = sources;
  const inOne =
    sources.length === 1 && seconds === undefined && !/^image\/(?!gif)|^video\/jpeg$/.test(first!.type ?? '');
  if (inOne && first!.data.length === 1) return { video: await openVideo(first!.data[0]!, options), frames: false };
  if (inOne) throw badRequest(`${place}: only data:video/jpeg has several parts.`, { param: place });
  const files = sources.flatMap(({ data }) => data);
  return { video: await openPictureVideo(files, { ...options, fps, times: seconds }), frames: true };
}

/** Ends what takes too long, whatever it is at. */
async function inTime<T>(
  place: string,
  seconds: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const message = `${place}: it could not be decoded within ${seconds} s, and was stopped.`;
  const error = badRequest(message, { param: place, code: 'decoding_too_slow' });
  const timer = setTimeout(() => late.abort(error), seconds * 1000);
  try {
    return await work(AbortSignal.any([signal, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}
