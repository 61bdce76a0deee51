/** What keeps a file from being read, in one line each. */
import { VideoError } from './errors.ts';
import { type Ffmpeg, streamsArguments } from './ffmpeg.ts';
import { Log } from './ffmpeg-log.ts';
import { runProbe } from './probe-output.ts';

/** The error of a codec that this FFmpeg does not know. */
export function noDecoder(ffmpeg: Ffmpeg, name: string, codec = 'unknown'): VideoError {
  const remedy =
    ffmpeg.decoder === 'ffmpeg.wasm'
      ? 'Install FFmpeg (https://ffmpeg.org), which can, or convert the video to H.264.'
      : 'Install an FFmpeg build that can, or convert the video to H.264.';
  return new VideoError(name, `${ffmpeg.decoder} has no decoder for ${codec}. ${remedy}`);
}

/** The error of a video of which nothing decodes. */
export function noFrames(name: string, log = new Log()): VideoError {
  const size = log.find(/picture size (\d+x\d+) is invalid/i);
  if (size) return new VideoError(name, `frames of ${size} pixels are larger than FFmpeg decodes. Make them smaller.`);
  const [first] = log.errors;
  const detail = first === undefined ? '' : ` (${first.replace(/[.\s]+$/, '')})`;
  return new VideoError(name, `not a single frame can be decoded${detail}. Is the file damaged or cut off?`);
}

/** The error of a file that is no video to FFmpeg. */
export function unreadable(name: string, log: Log): VideoError {
  if (log.says(/moov atom not found/) && !log.says(/misdetection possible/))
    return new VideoError(name, 'cut off: its index (the moov atom) is missing. Copy or download the file again.');
  if (log.says(/open codec|picture size .* is invalid/i)) return noFrames(name, log);
  const verdict = log.errors.at(-1)?.split(': ').at(-1);
  const detail = verdict === undefined || verdict.includes('Invalid data found') ? '' : ` (${verdict})`;
  const needed = 'A video file is needed: MP4, MOV, MKV, WebM, AVI or another that FFmpeg reads.';
  return new VideoError(name, `not a video${detail}. ${needed}`);
}

/** The error of a file with other streams only. */
export async function noVideoStream(
  ffmpeg: Ffmpeg,
  { name, signal }: { readonly name: string; readonly signal: AbortSignal },
): Promise<VideoError> {
  const { streams = [] } = await runProbe(ffmpeg, streamsArguments(ffmpeg), { log: new Log(), signal });
  const kinds = streams.map(({ codec_type = 'unknown', codec_name = '' }) => `${codec_type} ${codec_name}`.trim());
  const found = kinds.join(', ').replaceAll('video', 'cover picture') || 'nothing';
  return new VideoError(name, `no video stream (found: ${found}). A file with at least one video stream is needed.`);
}
