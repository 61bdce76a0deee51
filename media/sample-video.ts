/** A video to the frames that a model is shown: sampled, decoded and resized in one pass. */
import { InputError } from '../engine/errors.ts';
import type { Crop, Size } from '../engine/geometry.ts';
import type { SampledTimes } from '../models/sampling.ts';
import { cropTogether } from './resize.ts';
import { resizeSmooth } from './resize-smooth.ts';
import { type Sampling, type SamplingOptions, sampleFrames } from './sampling.ts';
import type { Frame, Video } from './video.ts';

/** How a frame becomes one picture. */
export type Fit = 'stretch' | 'smooth';

/** Which frames, and how large. */
export interface SampleVideoOptions extends Pick<SamplingOptions, 'maxFrames' | 'fps' | 'forceSample' | 'sample'> {
  /**
   * What frames are resized to, in pixels: the side of a square, or what follows from the video's size and the number of
   * frames that are taken.
   */
  readonly size: number | ((source: Size, frames: number) => Size);
  /**
   * `stretch`, the default, does not keep the aspect ratio; `smooth` does not either, and rounds once as torchvision does.
   */
  readonly fit?: Fit;
  /** The pictures that a frame of a size becomes. Default: one of `size`. */
  readonly pictures?: (frame: Size) => readonly Crop[];
  /** Only what lies between these seconds, as if it were the whole video. Default: all. */
  readonly start?: number;
  readonly end?: number;
  /** Aborts the sampling. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each frame: how many of how many. */
  readonly progress?: (done: number, of: number) => void;
}

/** The frames, and what was sampled. */
export interface SampledVideo {
  /** Each `[height, width, 3]`, RGB in 8 bit. */
  readonly images: readonly Uint8Array[];
  /** A frame's pictures, which follow one another in its image. */
  readonly pictures: readonly Crop[];
  /** Of an image in one picture, in pixels. */
  readonly width: number;
  readonly height: number;
  readonly sampling: Sampling;
  /** The sampling in words, for prompts. */
  readonly times: SampledTimes;
  readonly decodeSeconds: number;
  readonly resizeSeconds: number;
}

/** Most bytes of all images: what is beyond it would end the process and not the call. */
const MOST_BYTES = 2 ** 33;

/** How often a video may turn out to have fewer frames than it said. */
const MOST_RECOUNTS = 3;

/**
 * Samples a video for a model. One full-size frame is in memory at a time. A video that turns out to have fewer frames than it
 * says is sampled again from those that it has.
 *
 * @throws VideoError if no frame decodes, InputError for options outside what is allowed or a closed video, and the signal's
 * reason on abort.
 */
export async function sampleVideo(video: Video, options: SampleVideoOptions): Promise<SampledVideo> {
  if (typeof video?.info !== 'object' || typeof options !== 'object' || options === null)
    throw new InputError('sampleVideo: it must be given what openVideo returned, and options: { maxFrames, ... }.');
  for (let recounts = 0; ; recounts++) {
    const sampled = await sampleOnce(video, options, recounts < MOST_RECOUNTS);
    if (sampled) return sampled;
  }
}

/** @param recount - Whether to give up, with undefined, once the video has fewer frames than these were chosen from. */
async function sampleOnce(
  video: Video,
  options: SampleVideoOptions,
  recount: boolean,
): Promise<SampledVideo | undefined> {
  const { info } = video;
  const { sampling, indices } = choose(video, options);
  const images = new Images(info, indices, options);
  const started = performance.now();
  for await (const frame of video.frames(indices, { signal: options.signal })) {
    options.signal?.throwIfAborted();
    if (recount && video.info.frames < info.frames) return undefined;
    images.add(frame);
    options.progress?.(images.all.length, indices.length);
  }
  const { duration, durationText, times: seconds, timesText, fps } = sampling;
  const { all, pictures, size, resizeMs } = images;
  return {
    images: all,
    ...size,
    pictures,
    sampling,
    times: { frames: all.length, duration, durationText, seconds, timesText, fps },
    decodeSeconds: (performance.now() - started - resizeMs) / 1000,
    resizeSeconds: resizeMs / 1000,
  };
}

/** How many frames {@link sampleVideo} will take, if the video has as many as it says. @throws InputError as that one does. */
export function framesToSample(video: Pick<Video, 'name' | 'info'>, options: SampleVideoOptions): number {
  return choose(video, options).indices.length;
}

/** The frames to take, and their places in the whole video. */
function choose(
  video: Pick<Video, 'name' | 'info'>,
  options: SampleVideoOptions,
): { sampling: Sampling; indices: readonly number[] } {
  const { maxFrames, fps, forceSample, sample } = options;
  const { first, ...part } = partOf(video, options.start, options.end);
  const wanted = {
    maxFrames,
    ...(fps !== undefined && { fps }),
    ...(forceSample && { forceSample }),
    ...(sample && { sample }),
  };
  const sampling = sampleFrames({ ...part, ...wanted });
  return { sampling, indices: sampling.indices.map((index) => first + index) };
}

/** Frames in the form that a model takes. */
class Images {
  readonly all: Uint8Array[] = [];
  readonly pictures: readonly Crop[];
  /** Of an image in one picture. */
  readonly size: Size;
  resizeMs = 0;
  readonly #fit: Fit;
  #last: { readonly rgb: Uint8Array; readonly image: Uint8Array } | undefined;

  constructor(info: Size, indices: readonly number[], { size, fit = 'stretch', pictures }: SampleVideoOptions) {
    this.size = typeof size === 'number' ? { width: size, height: size } : size(info, indices.length);
    this.pictures = pictures?.(info) ?? [{ ...this.size, resized: this.size, left: 0, top: 0 }];
    this.#fit = fit;
    const bytes = 3 * this.pictures.reduce((pixels, { width, height }) => pixels + width * height, 0);
    const most = Math.floor(MOST_BYTES / bytes);
    const { size: count } = new Set(indices);
    if (count > most)
      throw new InputError(
        `sampleVideo: ${count} frames of ${bytes} bytes do not fit into memory. At most ${most} do.`,
      );
  }

  add(frame: Frame): void {
    const started = performance.now();
    const { width, height } = this.size;
    const resized = () =>
      this.#fit === 'smooth' ? resizeSmooth(frame, width, height) : cropTogether(frame, this.pictures);
    // Frames of the same picture share their bytes, so a repeated one is resized once.
    const image = this.#last?.rgb === frame.rgb ? this.#last.image : resized();
    this.#last = { rgb: frame.rgb, image };
    this.all.push(image);
    this.resizeMs += performance.now() - started;
  }
}

type Part = { readonly first: number } & Pick<SamplingOptions, 'frames' | 'averageFps' | 'shown'>;

/** The frames between two times, as a video of its own; up to the last one if the video ends before. */
function partOf({ name, info }: Pick<Video, 'name' | 'info'>, start = 0, end = Number.POSITIVE_INFINITY): Part {
  const { frames, averageFps, durationSeconds, times } = info;
  const told = (seconds: number) => `${Number(seconds.toFixed(3))} s`;
  if (!(start >= 0) || start >= durationSeconds)
    throw new InputError(`${name}: start must be from 0 to below its end at ${told(durationSeconds)}, got ${start}.`);
  if (!(end > start)) throw new InputError(`${name}: end must be later than start at ${told(start)}, got ${end}.`);
  const at = (seconds: number) => (times ? nearest(times, seconds) : Math.round(seconds * averageFps));
  const [first, last] = [start, end].map((seconds) => Math.min(frames - 1, at(seconds))) as [number, number];
  const part = { first, frames: last - first + 1 };
  if (!times || part.frames === frames) return { ...part, averageFps, ...(times && { shown: times }) };
  const shown = times.slice(first, last + 1).map((time) => time - times[first]!);
  const span = shown.at(-1)!;
  return { ...part, shown, averageFps: span > 0 ? (part.frames - 1) / span : averageFps };
}

/** The frame that is shown closest to a time. */
function nearest(times: readonly number[], seconds: number): number {
  const after = times.findIndex((time) => time >= seconds);
  if (after < 0) return times.length - 1;
  return after > 0 && seconds - times[after - 1]! < times[after]! - seconds ? after - 1 : after;
}
