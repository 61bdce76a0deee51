/** The frames of a video as they really decode. */
import { countArguments, type Ffmpeg, type StreamChoice } from './ffmpeg.ts';
import { Log } from './ffmpeg-log.ts';
import { noFrames } from './probe-errors.ts';

/** What decoding all of a video found. */
export interface Counted {
  readonly frames: number;
  /** When each is shown, in seconds, ascending; undefined if that is not known of all. */
  readonly times: readonly number[] | undefined;
  /** What FFmpeg said on the way. */
  readonly log: Log;
}

/** Decodes all of a video. @throws VideoError if no frame decodes. */
export async function countFrames(
  ffmpeg: Ffmpeg,
  choice: StreamChoice,
  { name, signal }: { readonly name: string; readonly signal: AbortSignal },
): Promise<Counted> {
  const log = new Log();
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of ffmpeg.run('ffmpeg', countArguments(ffmpeg, choice), { log, signal }))
    text += decoder.decode(chunk, { stream: true });
  // `stream, dts, pts, duration, bytes, checksum` in microseconds, after a header of lines with `#`.
  const shown = text.split('\n').flatMap((line) => (/^\d/.test(line) ? Number(line.split(',')[2]) / 1e6 : []));
  if (shown.length === 0) throw noFrames(name, log);
  const times = shown.every(Number.isFinite) ? shown : undefined;
  return { frames: shown.length, times, log };
}
