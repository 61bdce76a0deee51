/** A video: what is known of it, and its frames. */
import type { Timing } from './timing.ts';

/** What is known of a video. */
export interface VideoInfo extends Timing {
  /** Width in pixels as displayed: after rotation, without regard to the pixel aspect ratio. */
  readonly width: number;
  /** Height in pixels as displayed. */
  readonly height: number;
  /** Frames to be seen: those that an edit list hides, or the codec itself, are none. At least 1. */
  readonly frames: number;
  /** Frames by their average rate, in seconds. */
  readonly durationSeconds: number;
  /** FFmpeg's name of the codec: `h264`, `vp9`, ... */
  readonly codec: string;
}

/** One picture of a video. */
export interface Frame {
  /** The index that was asked for. */
  readonly index: number;
  /** In pixels, as displayed. */
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]`, row major. */
  readonly rgb: Uint8Array;
}

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
