/** A video to the frames that a model is shown: sampled, decoded and resized in one pass. */
import type { Crop, Size } from '../engine/geometry.ts';
import { cropTogether } from './resize.ts';
import { resizeSmooth } from './resize-smooth.ts';
import { type Sampling, type SamplingOptions, sampleFrames } from './sampling.ts';
import type { Video } from './video.ts';

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
  readonly times: {
    readonly frames: number;
    readonly duration: number;
    readonly durationText: string;
    readonly seconds: readonly number[];
    readonly timesText: string;
    readonly fps: number;
  };
  readonly decodeSeconds: number;
  readonly resizeSeconds: number;
}

/**
 * Samples a video for a model. One full-size frame is in memory at a time.
 *
 * @throws VideoError if no frame decodes, InputError for options outside what is allowed.
 */
export async function sampleVideo(video: Video, options: SampleVideoOptions): Promise<SampledVideo> {
  const { size, fit = 'stretch', pictures: picturesOf, progress, start, end, ...rest } = options;
  const { averageFps } = video.info;
  const { first, frames } = part(video, start, end);
  const sampling = sampleFrames({ frames, averageFps, ...rest });
  const indices = sampling.indices.map((index) => first + index);
  const to = typeof size === 'number' ? { width: size, height: size } : size(video.info, indices.length);
  const pictures = picturesOf?.(video.info) ?? [{ ...to, resized: to, left: 0, top: 0 }];
  const images: Uint8Array[] = [];
  const started = performance.now();
  let resizeMs = 0;
  let last: { rgb: Uint8Array; image: Uint8Array } | undefined;
  for await (const frame of video.frames(indices)) {
    const before = performance.now();
    // Frames of the same picture share their bytes, so a repeated one is resized once.
    const image =
      last?.rgb === frame.rgb
        ? last.image
        : fit === 'smooth'
          ? resizeSmooth(frame, to.width, to.height)
          : cropTogether(frame, pictures);
    last = { rgb: frame.rgb, image };
    images.push(image);
    resizeMs += performance.now() - before;
    progress?.(images.length, sampling.indices.length);
  }
  const { duration, durationText, times: seconds, timesText, fps } = sampling;
  return {
    images,
    ...to,
    pictures,
    sampling,
    times: { frames: images.length, duration, durationText, seconds, timesText, fps },
    decodeSeconds: (performance.now() - started - resizeMs) / 1000,
    resizeSeconds: resizeMs / 1000,
  };
}

/** The frames between two times; the last one if the video ends before. */
function part({ info }: Video, start = 0, end = Infinity): { first: number; frames: number } {
  const at = (seconds: number) => Math.min(info.frames - 1, Math.max(0, Math.round(seconds * info.averageFps)));
  return { first: at(start), frames: Math.max(0, at(end) - at(start)) + 1 };
}
