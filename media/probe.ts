/** What a video file contains, as ffprobe tells it. */
import { VideoError } from './errors.ts';
import { type Ffmpeg, framesArguments, probeArguments, type RunOptions, streamsArguments } from './ffmpeg.ts';

/** What is known of a video before a frame of it is decoded. */
export interface VideoInfo {
  /** Width in pixels as displayed: after rotation, without regard to the pixel aspect ratio. */
  readonly width: number;
  /** Height in pixels as displayed. */
  readonly height: number;
  /** Frames that should decode: the packets of the stream, less those that its edit list hides. At least 1. */
  readonly frames: number;
  /** Average frame rate, frames per second; positive. */
  readonly averageFps: number;
  /** Duration in seconds. */
  readonly durationSeconds: number;
  /** FFmpeg's name of the codec: `h264`, `vp9`, ... */
  readonly codec: string;
}

/** {@link VideoInfo}, and what only the decoder needs. */
export interface Probe {
  readonly info: VideoInfo;
  /** FFmpeg's name of the pixel format; undefined if it could not tell. */
  readonly pixelFormat: string | undefined;
  /** What is wrong with the file, though it can be used. */
  readonly warnings: string[];
}

/** The part of ffprobe's JSON that is read. All of it depends on the file. */
interface ProbeOutput {
  readonly format?: { readonly format_name?: string; readonly duration?: string };
  readonly streams?: readonly ProbeStream[];
  readonly packets?: readonly { readonly flags?: string }[];
  readonly frames?: readonly Turnable[];
}

/** What may say that it is to be turned. */
interface Turnable {
  readonly side_data_list?: readonly { readonly rotation?: number }[];
}

interface ProbeStream extends Turnable {
  readonly codec_type?: string;
  readonly codec_name?: string;
  readonly width?: number;
  readonly height?: number;
  readonly pix_fmt?: string;
  /** A fraction, `30000/1001`; `0/0` if unknown. */
  readonly avg_frame_rate?: string;
  readonly r_frame_rate?: string;
  readonly nb_frames?: string;
  readonly duration?: string;
}

/** Formats of FFmpeg that are lists of other files, or text drawn as video. */
const NOT_VIDEO_FILES = new Set(['hls', 'dash', 'concat', 'imf', 'sdp', 'tty', 'lrc']);

/** FFmpeg's own choice for formats that have no frame rate. */
const DEFAULT_FPS = 25;

/**
 * Reads what there is to know about the first video stream.
 *
 * @throws VideoError if the file is not a video, has no video stream, or cannot be decoded.
 */
export async function probeVideo(ffmpeg: Ffmpeg, name: string, signal: AbortSignal): Promise<Probe> {
  const log: string[] = [];
  const output = await runProbe(ffmpeg, probeArguments(ffmpeg), { log, signal });
  const format = output.format?.format_name;
  if (format === undefined) throw unreadable(name, log);
  if (NOT_VIDEO_FILES.has(format)) throw unreadable(name, []);
  const stream = output.streams?.[0];
  if (!stream) throw await noVideoStream(ffmpeg, name, signal);
  if (stream.pix_fmt === undefined && log.some((line) => NO_DECODER.test(line)))
    throw noDecoder(ffmpeg, name, stream.codec_name);
  // A picture's orientation is not the stream's but the frame's (Exif).
  const single = output.packets?.length === 1 && !isTurned(stream);
  const frame = single ? (await runProbe(ffmpeg, framesArguments(ffmpeg), { log: [], signal })).frames?.[0] : undefined;
  return readProbe(
    name,
    frame && isTurned(frame) ? { ...stream, side_data_list: frame.side_data_list ?? [] } : stream,
    output,
  );
}

async function runProbe(ffmpeg: Ffmpeg, args: string[], options: RunOptions): Promise<ProbeOutput> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of ffmpeg.run('ffprobe', args, options)) text += decoder.decode(chunk, { stream: true });
  try {
    return JSON.parse(text) as ProbeOutput;
  } catch {
    return {}; // It gave up half-way; the log says why.
  }
}

function readProbe(name: string, stream: ProbeStream, output: ProbeOutput): Probe {
  const packets = output.packets ?? [];
  // The second flag: decoded, because others depend on it, but not shown.
  const frames = packets.filter(({ flags }) => flags?.[1] !== 'D').length;
  const { width = 0, height = 0 } = stream;
  if (frames === 0 || width === 0 || height === 0) throw noFrames(name);

  const duration = positive(stream.duration) ?? positive(output.format?.duration);
  const averageFps =
    fraction(stream.avg_frame_rate) ?? (duration && frames / duration) ?? fraction(stream.r_frame_rate) ?? DEFAULT_FPS;
  const promised = positive(stream.nb_frames) ?? 0;
  const cut = `${name}: the file is cut off: ${packets.length} of its ${promised} frames are there.`;
  return {
    info: {
      ...(isTurned(stream) ? { width: height, height: width } : { width, height }),
      frames,
      averageFps,
      durationSeconds: duration ?? frames / averageFps,
      codec: stream.codec_name ?? 'unknown',
    },
    pixelFormat: stream.pix_fmt,
    warnings: packets.length < promised ? [cut] : [],
  };
}

/** Whether FFmpeg turns the frames by a quarter before it shows them. */
function isTurned({ side_data_list }: Turnable): boolean {
  const rotation = side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0;
  // FFmpeg tolerates one degree, and ffprobe cuts the fraction off.
  return Math.abs(Math.abs(rotation % 180) - 90) <= 1;
}

function positive(text: string | undefined): number | undefined {
  const value = Number(text);
  return value > 0 && value < Infinity ? value : undefined;
}

function fraction(text: string | undefined): number | undefined {
  const [numerator, denominator] = (text ?? '').split('/').map(Number);
  return positive(String((numerator ?? 0) / (denominator ?? 0)));
}

/** What FFmpeg says when a build lacks a decoder: for lack of the code, or of the hardware that its code needs. */
const NO_DECODER = /unsupported codec|decoder .*not found|hardware accelerated/i;

function noDecoder(ffmpeg: Ffmpeg, name: string, codec = 'unknown'): VideoError {
  const remedy =
    ffmpeg.decoder === 'ffmpeg.wasm'
      ? 'Install FFmpeg (https://ffmpeg.org), which can, or convert the video to H.264.'
      : 'Install an FFmpeg build that can, or convert the video to H.264.';
  return new VideoError(name, `${ffmpeg.decoder} has no decoder for ${codec}. ${remedy}`);
}

/** The error of a video of which nothing decodes. */
export function noFrames(name: string, log: readonly string[] = []): VideoError {
  const detail = log[0] === undefined ? '' : ` (${withoutPrefix(log[0])})`;
  return new VideoError(name, `not a single frame can be decoded${detail}. Is the file damaged or cut off?`);
}

function unreadable(name: string, log: readonly string[]): VideoError {
  const said = (text: string) => log.some((line) => line.includes(text));
  if (said('moov atom not found') && !said('misdetection possible'))
    return new VideoError(name, 'cut off: its index (the moov atom) is missing. Copy or download the file again.');
  if (said('open codec')) return noFrames(name, log);
  const verdict = log.at(-1)?.split(': ').at(-1);
  const detail = verdict === undefined || verdict.includes('Invalid data found') ? '' : ` (${verdict})`;
  const needed = 'A video file is needed: MP4, MOV, MKV, WebM, AVI or another that FFmpeg reads.';
  return new VideoError(name, `not a video${detail}. ${needed}`);
}

async function noVideoStream(ffmpeg: Ffmpeg, name: string, signal: AbortSignal): Promise<VideoError> {
  const { streams = [] } = await runProbe(ffmpeg, streamsArguments(ffmpeg), { log: [], signal });
  const kinds = streams.map(({ codec_type = 'unknown', codec_name = '' }) => `${codec_type} ${codec_name}`.trim());
  const found = kinds.join(', ').replaceAll('video', 'cover picture') || 'nothing';
  return new VideoError(name, `no video stream (found: ${found}). A file with at least one video stream is needed.`);
}

/** `[h264 @ 0x55d0]`, the part of FFmpeg that speaks, tells a user nothing. */
function withoutPrefix(line: string): string {
  return line.replace(/^(\[[^\]]*\] *)+/, '').replace(/[.\s]+$/, '');
}
