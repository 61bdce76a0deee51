/** Video files to frames, by index. Decoded by an installed FFmpeg or by ffmpeg.wasm, with the same pixels. */
import { InputError } from '../engine/errors.ts';
import { nameOf, type Progress, type VideoSource } from './address.ts';
import type { FetchOptions } from './fetch-file.ts';
import { openFfmpegVideo } from './ffmpeg-video.ts';
import { type FfmpegOptions, openFfmpeg, TIMEOUT_SECONDS } from './open-ffmpeg.ts';
import { checkFormat } from './picture-format.ts';
import { headOf, type LocalSource, localSource } from './source.ts';
import type { Video } from './video.ts';

/** How to open a video. */
export interface OpenVideoOptions {
  /** `auto`, the default: `ffmpeg` if both it and `ffprobe` are on PATH, else `ffmpeg.wasm`. */
  readonly decoder?: 'auto' | 'ffmpeg' | 'ffmpeg.wasm';
  /** What errors call the video. Default: the path or address, or `video` for bytes. */
  readonly name?: string;
  /** Aborts opening, and later every reading of frames. */
  readonly signal?: AbortSignal;
  /** Longest time that fetching, and each run of FFmpeg, may take. Default 1800. */
  readonly timeoutSeconds?: number;
  /** Most bytes that are fetched from an address. Default 4 GiB. */
  readonly maxBytes?: number;
  /** Most pixels of a frame: what has more is not decoded. Default: as many as FFmpeg takes. */
  readonly maxPixels?: number;
  /** Told while a video is fetched: bytes that have come, of how many, if the server says it. */
  readonly progress?: Progress;
}

/** Most bytes of a video that is fetched if nothing else is asked for. */
const MAX_BYTES = 2 ** 32;

/** Longest that a timer of JavaScript waits. */
const LONGEST_SECONDS = 2_147_483;

/**
 * Opens a video and reads what it is. Frames are decoded only where they must be to be counted.
 *
 * @param video - The path of a file, its `file:` address, an `http(s):` address, or the bytes of a video (do not change them
 * while it is open). Containers need random access, so what is fetched, and bytes for an installed FFmpeg, are put in a
 * temporary file.
 * @throws VideoError if there is no such video, or no decoder for it; InputError for options outside what is allowed.
 */
export async function openVideo(video: VideoSource, options: OpenVideoOptions = {}): Promise<Video> {
  const how = howToOpen(video, options);
  return openLocal(await localSource(video, how), how, { turn: true });
}

/** Options that are checked and complete. */
export interface HowToOpen extends FetchOptions, FfmpegOptions {}

/** @throws InputError for options outside what is allowed, and the signal's reason. */
export function howToOpen(video: VideoSource, options: OpenVideoOptions): HowToOpen {
  if (!(typeof video === 'string' || video instanceof URL || video instanceof Blob || video instanceof Uint8Array))
    throw new InputError(`openVideo: it must be a path, an address or the bytes of a video, got a ${typeof video}.`);
  if (typeof options !== 'object' || options === null)
    throw new InputError('openVideo: its options must be an object.');
  const { name = nameOf(video), decoder = 'auto', signal, progress } = options;
  const timeoutSeconds = within('timeoutSeconds', options.timeoutSeconds ?? TIMEOUT_SECONDS, LONGEST_SECONDS);
  const maxBytes = within('maxBytes', options.maxBytes ?? MAX_BYTES, Number.MAX_SAFE_INTEGER);
  const maxPixels =
    options.maxPixels === undefined ? undefined : within('maxPixels', options.maxPixels, Number.MAX_SAFE_INTEGER);
  signal?.throwIfAborted();
  return { name, decoder, signal, progress, timeoutSeconds, maxBytes, maxPixels };
}

/**
 * Opens what is there. The source is given back with the video, or if this fails.
 *
 * @param turn - Whether frames are turned as the file says.
 */
export async function openLocal(source: LocalSource, how: HowToOpen, { turn }: { turn: boolean }): Promise<Video> {
  let owned: AsyncDisposable = source;
  try {
    checkFormat(await headOf(source.data, how.name), how.name);
    const ffmpeg = await openFfmpeg(source, how);
    owned = ffmpeg;
    return await openFfmpegVideo(ffmpeg, { ...how, turn });
  } catch (error) {
    await owned[Symbol.asyncDispose]();
    throw error;
  }
}

function within(option: string, value: number, most: number): number {
  if (value > 0 && value <= most) return value;
  throw new InputError(`openVideo: ${option} must be positive and at most ${most}, got ${value}.`);
}
