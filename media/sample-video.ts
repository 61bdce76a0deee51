/** A video to the frames that a model is shown: sampled, decoded and resized in one pass. */
import { cutPictures, type Picture } from './resize.ts';
import { type Sampling, type Spread, sampleFrames } from './sampling.ts';
import type { Video } from './video.ts';

/** Which frames, and how large. */
export interface SampleVideoOptions {
  /** Side of the square that frames are resized to, in pixels, unless `pictures` says otherwise. */
  readonly size: number;
  /** The pictures that a frame of a size becomes. Default: one, stretched to the square. */
  readonly pictures?: (frame: { readonly width: number; readonly height: number }) => readonly Picture[];
  /** Most frames to take. */
  readonly maxFrames: number;
  /** Frames to take per second of video. Default 1. */
  readonly fps?: number;
  /** Spread exactly `maxFrames` over the whole video. Default false. */
  readonly forceSample?: boolean;
  /** Which frames an even spread takes. Default `ends`. */
  readonly spread?: Spread;
  /** Only what lies between these seconds, as if it were the whole video. Default: all. */
  readonly start?: number;
  readonly end?: number;
  /** Told after each frame: how many of how many. */
  readonly progress?: (done: number, of: number) => void;
}

/** The frames, and what was sampled. */
export interface SampledVideo {
  /** A frame's pictures one after the other, each `[height, width, 3]`, RGB in 8 bit, as Pillow's bicubic makes them. */
  readonly images: readonly Uint8Array[];
  /** Those of every frame. */
  readonly pictures: readonly Picture[];
  readonly sampling: Sampling;
  /** The sampling in words, for prompts. */
  readonly times: { readonly frames: number; readonly durationText: string; readonly timesText: string };
  readonly decodeSeconds: number;
  readonly resizeSeconds: number;
}

/**
 * Samples a video for a model. One full-size frame is in memory at a time.
 *
 * @throws VideoError if no frame decodes, RangeError for options outside what is allowed.
 */
export async function sampleVideo(video: Video, options: SampleVideoOptions): Promise<SampledVideo> {
  const { size, pictures: picturesOf, progress, start, end, ...rest } = options;
  const { averageFps } = video.info;
  const { first, frames } = part(video, start, end);
  const sampling = sampleFrames({ frames, averageFps, ...rest });
  const indices = sampling.indices.map((index) => first + index);
  const pictures = picturesOf?.(video.info) ?? [square(size)];
  const images: Uint8Array[] = [];
  const started = performance.now();
  let resizeMs = 0;
  let last: { rgb: Uint8Array; image: Uint8Array } | undefined;
  for await (const frame of video.frames(indices)) {
    const before = performance.now();
    // Frames of the same picture share their bytes, so a repeated one is resized once.
    const image = last?.rgb === frame.rgb ? last.image : cutPictures(frame, pictures);
    last = { rgb: frame.rgb, image };
    images.push(image);
    resizeMs += performance.now() - before;
    progress?.(images.length, sampling.indices.length);
  }
  const { durationText, timesText } = sampling;
  return {
    images,
    pictures,
    sampling,
    times: { frames: images.length, durationText, timesText },
    decodeSeconds: (performance.now() - started - resizeMs) / 1000,
    resizeSeconds: resizeMs / 1000,
  };
}

/** All of a frame, its aspect ratio not kept. */
function square(size: number): Picture {
  return { width: size, height: size, resized: { width: size, height: size }, left: 0, top: 0 };
}

/** The frames between two times; the last one if the video ends before. */
function part({ info }: Video, start = 0, end = Infinity): { first: number; frames: number } {
  const at = (seconds: number) => Math.min(info.frames - 1, Math.max(0, Math.round(seconds * info.averageFps)));
  return { first: at(start), frames: Math.max(0, at(end) - at(start)) + 1 };
}
