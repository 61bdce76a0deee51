/**
 * A video that cannot be used, or no program that could decode it. The message is one line: which video, what is
 * wrong with it, what is needed. Command-line tools print it without a stack.
 */
export class VideoError extends Error {
  /**
   * @param video - What the user calls it: the path as given, or the name of a stream.
   * @param message - Fact, expectation, remedy: sentences that follow `<video>: `.
   */
  constructor(video: string, message: string, options?: ErrorOptions) {
    super(`${video}: ${message}`, options);
    this.name = 'VideoError';
  }
}
