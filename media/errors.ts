import { FrameFusionError } from '../engine/errors.ts';

/** A video or picture that cannot be used, or no program that could decode it. */
export class VideoError extends FrameFusionError {
  static {
    VideoError.prototype.name = 'VideoError';
  }

  /**
   * @param video - What the user calls it: the path as given, or the name of a stream.
   * @param message - Fact, expectation, remedy: sentences that follow `<video>: `.
   */
  constructor(video: string, message: string, options?: ErrorOptions) {
    super(`${video}: ${message}`, options);
  }
}

/** A video that a browser does not decode, and FFmpeg may. */
export class NoDecoderError extends VideoError {}
