/** Video files to frames, by index. Decoded by an installed FFmpeg or by ffmpeg.wasm, with the same pixels. */
import { InputError } from '../engine/errors.ts';
import { nameOf, type Progress, type VideoSource } from './address.ts';
import { openFfmpegVideo } from './ffmpeg-video.ts';
import type { Frame } from './frames.ts';
import { openFfmpeg, TIMEOUT_SECONDS } from './open-ffmpeg.ts';
import type { VideoInfo } from './probe.ts';
import { localSource } from './source.ts';

export type { Frame } from './frames.ts';
export type { VideoInfo } from './probe.ts';

/** An open video. Close it, or leave it to `await using`. */
export interface Video extends AsyncDisposable {
  /** What errors and warnings call it. */
  readonly name: string;
  /** What decodes it; `webcodecs` in a browser. */
  readonly decoder: 'ffmpeg' | 'ffmpeg.wasm' | 'webcodecs';
  /** What it is. Reading may find that there are fewer frames than the file says: then this says how many there are. */
  readonly info: VideoInfo;
  /** What is wrong with the video although it can be used, a line each. Grows as frames are read. */
  readonly warnings: readonly string[];
  /**
   * Decodes frames in presentation order, one at a time as they are taken. Where fewer decode than were counted when it was
   * opened, `info` is corrected, the last one stands in for those that are missing, and `warnings` says so.
   *
   * @param indices - Ascending, from 0 to `info.frames - 1`; an index may occur more than once.
   * @returns A frame for each index. Frames of the same picture share their bytes.
   * @throws InputError for other indices or a closed video, VideoError if no frame decodes, and a signal's reason on abort.
   */
  frames(indices: readonly number[], options?: FramesOptions): AsyncIterable<Frame>;
  /** Stops what is running and removes temporary files. More than once does no harm. */
  close(): Promise<void>;
}

/** How to read frames. */
export interface FramesOptions {
  /** Aborts this reading. */
  readonly signal?: AbortSignal | undefined;
}

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
export function openVideo(video: VideoSource, options: OpenVideoOptions = {}): Promise<Video> {
  return openTurned(video, options, true);
}

/** The same. @param turn - Whether frames are turned as the file says. */
export async function openTurned(video: VideoSource, options: OpenVideoOptions, turn: boolean): Promise<Video> {
  const { decoder = 'auto', signal, progress } = options;
  const name = options.name ?? nameOf(video);
  const timeoutSeconds = within('timeoutSeconds', options.timeoutSeconds ?? TIMEOUT_SECONDS, LONGEST_SECONDS);
  const maxBytes = within('maxBytes', options.maxBytes ?? MAX_BYTES, Number.MAX_SAFE_INTEGER);
  signal?.throwIfAborted();
  const source = await localSource(video, { name, signal, timeoutSeconds, maxBytes, progress });
  const ffmpeg = await openFfmpeg(source, { name, decoder, timeoutSeconds });
  try {
    return await openFfmpegVideo(ffmpeg, { name, signal, turn });
  } catch (error) {
    await ffmpeg[Symbol.asyncDispose]();
    throw error;
  }
}

function within(option: string, value: number, most: number): number {
  if (value > 0 && value <= most) return value;
  throw new InputError(`openVideo: ${option} must be positive and at most ${most}, got ${value}.`);
}
