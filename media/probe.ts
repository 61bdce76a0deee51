/** What a video file contains, as ffprobe tells it. */
import { type Counted, countFrames } from './count-frames.ts';
import { VideoError } from './errors.ts';
import { type Ffmpeg, framesArguments, packetsArguments, probeArguments, type StreamChoice } from './ffmpeg.ts';
import { Log } from './ffmpeg-log.ts';
import { noDecoder, noFrames, noVideoStream, unreadable } from './probe-errors.ts';
import { type ProbedFile, type ProbedPacket, type ProbedStream, runProbe, type Turnable } from './probe-output.ts';
import { ascending, coincide, endsEarly, timingOf } from './timing.ts';
import type { VideoInfo } from './video.ts';

/** {@link VideoInfo}, and what only the decoder needs. */
export interface Probe extends StreamChoice {
  readonly info: VideoInfo;
  /** What is wrong with the file, though it can be used: a kind, and a line. */
  readonly warnings: ReadonlyMap<string, string>;
  /** Whether it begins with a frame that needs no other. */
  readonly beginsWhole: boolean;
  /** What FFmpeg said while frames were counted, if they had to be. */
  readonly counted: Log | undefined;
  /** The same video with the frames that really decode. */
  recount(counted: Pick<Counted, 'frames' | 'times'>): VideoInfo;
}

/** Whose video it is. */
export interface ProbeOptions {
  /** What errors and warnings call it. */
  readonly name: string;
  readonly signal: AbortSignal;
  /** Whether frames are turned as the file says. */
  readonly turn: boolean;
}

/** Formats of FFmpeg that are lists of other files, or text drawn as video. */
const NOT_VIDEO_FILES = new Set(['hls', 'dash', 'concat', 'imf', 'sdp', 'tty', 'lrc']);

/** Formats whose duration is no promise, but what FFmpeg found in them, and whose timestamps may leap. */
const BROADCAST = new Set(['mpegts', 'mpeg']);

/**
 * Reads what there is to know about the default video stream. Where a packet may not be a frame, frames are counted by
 * decoding them.
 *
 * @throws VideoError if the file is not a video, has no video stream, or cannot be decoded.
 */
export async function probeVideo(ffmpeg: Ffmpeg, options: ProbeOptions): Promise<Probe> {
  const { name, signal } = options;
  const log = new Log();
  const file = await runProbe(ffmpeg, probeArguments(ffmpeg), { log, signal });
  const format = file.format?.format_name;
  if (format === undefined) throw unreadable(name, log);
  if (NOT_VIDEO_FILES.has(format)) throw unreadable(name, new Log());
  const stream = defaultStream(file.streams ?? []);
  if (!stream) throw await noVideoStream(ffmpeg, options);
  if (stream.pix_fmt === undefined && log.says(NO_DECODER)) throw noDecoder(ffmpeg, name, stream.codec_name);
  return new StreamProbe(ffmpeg, { file, stream, log }, options).read();
}

/** What FFmpeg says when a build lacks a decoder: for lack of the code, or of the hardware that its code needs. */
const NO_DECODER = /unsupported codec|decoder .*not found|hardware accelerated/i;

/** The stream that FFmpeg and players take: the default one, or the largest. */
function defaultStream(streams: readonly ProbedStream[]): ProbedStream | undefined {
  // FFmpeg's own weights: a default stream counts as five megapixels more.
  const rank = ({ width = 0, height = 0, disposition }: ProbedStream) =>
    width * height + (disposition?.default ? 5e6 : 0);
  return streams.toSorted((a, b) => rank(b) - rank(a))[0];
}

/** A file, the stream of it that is taken, and what ffprobe complained about. */
interface Found {
  readonly file: ProbedFile;
  readonly stream: ProbedStream;
  readonly log: Log;
}

/** Puts together what is known of one stream. */
class StreamProbe {
  readonly #ffmpeg: Ffmpeg;
  readonly #file: ProbedFile;
  readonly #stream: ProbedStream;
  readonly #log: Log;
  readonly #options: ProbeOptions;

  constructor(ffmpeg: Ffmpeg, { file, stream, log }: Found, options: ProbeOptions) {
    this.#ffmpeg = ffmpeg;
    this.#file = file;
    this.#stream = stream;
    this.#log = log;
    this.#options = options;
  }

  async read(): Promise<Probe> {
    const { name, signal, turn } = this.#options;
    const { index, pix_fmt: pixelFormat } = this.#stream;
    const packets = (this.#file.packets ?? []).filter((packet) => packet.stream_index === index);
    // The second flag: decoded, because others depend on it, but not shown.
    const shown = packets.filter(({ flags }) => flags?.[1] !== 'D');
    const { width = 0, height = 0 } = this.#stream;
    if (shown.length === 0 || width === 0 || height === 0) throw noFrames(name, this.#log);

    const turned = turn && (await this.#isTurned(packets.length === 1));
    const size = turned ? { width: height, height: width } : { width, height };
    const choice: StreamChoice = { stream: index, pixelFormat, turn };
    const times = ascending(shown.map(({ pts_time }) => seconds(pts_time)));
    const beginsWhole = packets[0]?.flags?.startsWith('K') ?? false;
    const certain = beginsWhole && !this.#hasFields() && !(times && coincide(times));
    const warnings = new Map<string, string>();
    const encrypted = this.#encrypted(shown);
    if (encrypted) warnings.set('encrypted', encrypted);
    const cutOff = await this.#cutOff(packets.length, times);
    if (cutOff) warnings.set('cut', cutOff);

    const counted = certain ? undefined : await countFrames(this.#ffmpeg, choice, { name, signal });
    const recount = (now: Pick<Counted, 'frames' | 'times'>): VideoInfo => ({ ...size, ...this.#timed(now) });
    const info = recount(counted ?? { frames: shown.length, times });
    return { ...choice, info, warnings, beginsWhole, counted: counted?.log, recount };
  }

  /** What there is to say if some frames are encrypted. @throws VideoError if all are. */
  #encrypted(shown: readonly ProbedPacket[]): string | undefined {
    const encrypted = shown.filter(isEncrypted).length;
    if (encrypted === shown.length)
      throw new VideoError(this.#options.name, 'encrypted. A copy without encryption (DRM) is needed.');
    return encrypted > 0 ? `${encrypted} of its ${shown.length} frames are encrypted and show noise.` : undefined;
  }

  /** Whether each packet may be half of a frame. */
  #hasFields(): boolean {
    const { codec_name: codec = '', field_order: order = 'progressive' } = this.#stream;
    return ['h264', 'hevc', 'vc1'].includes(codec) && !['progressive', 'unknown'].includes(order);
  }

  #timed({ frames, times }: Pick<Counted, 'frames' | 'times'>): Omit<VideoInfo, 'width' | 'height'> {
    const { avg_frame_rate, codec_name: codec = 'unknown' } = this.#stream;
    const declared = { fps: fraction(avg_frame_rate), duration: this.#duration(), leaps: this.#isBroadcast() };
    const timing = timingOf(frames, times, declared);
    return { ...timing, frames, durationSeconds: frames / timing.averageFps, codec };
  }

  #isBroadcast(): boolean {
    return BROADCAST.has(this.#file.format?.format_name ?? '');
  }

  /** As declared. */
  #duration(): number | undefined {
    return positive(this.#stream.duration) ?? positive(this.#file.format?.duration);
  }

  /** Whether FFmpeg turns the frames by a quarter before it shows them. A picture's orientation is its frame's (Exif). */
  async #isTurned(isPicture: boolean): Promise<boolean> {
    if (!isPicture || isTurned(this.#stream)) return isTurned(this.#stream);
    const args = framesArguments(this.#ffmpeg, this.#stream.index);
    const { frames } = await runProbe(this.#ffmpeg, args, { log: new Log(), signal: this.#options.signal });
    return frames?.[0] !== undefined && isTurned(frames[0]);
  }

  /** What there is to say if the file ends before the video does. */
  async #cutOff(packets: number, times: readonly number[] | undefined): Promise<string | undefined> {
    const cutOff = (there: string, all: string) => `the file is cut off: ${there} of its ${all} are there.`;
    const promised = positive(this.#stream.nb_frames);
    if (promised !== undefined) return packets < promised ? cutOff(`${packets}`, `${promised} frames`) : undefined;
    const duration = this.#duration();
    if (!times || duration === undefined || this.#isBroadcast() || !endsEarly(times.at(-1)!, duration))
      return undefined;
    const last = await this.#lastPacket();
    return endsEarly(last, duration) ? cutOff(last.toFixed(1), `${duration.toFixed(1)} seconds`) : undefined;
  }

  /** When the last packet of any stream ends, in seconds: sound may go on where the pictures end. */
  async #lastPacket(): Promise<number> {
    const options = { log: new Log(), signal: this.#options.signal };
    const { packets = [] } = await runProbe(this.#ffmpeg, packetsArguments(this.#ffmpeg), options);
    return packets.reduce(
      (last, { pts_time, duration_time }) => Math.max(last, (seconds(pts_time) ?? 0) + (seconds(duration_time) ?? 0)),
      0,
    );
  }
}

/** Common Encryption. */
function isEncrypted({ side_data_list }: ProbedPacket): boolean {
  return side_data_list?.some(({ side_data_type }) => side_data_type === 'Encryption info') ?? false;
}

function isTurned({ side_data_list }: Turnable): boolean {
  const rotation = side_data_list?.find((data) => data.rotation !== undefined)?.rotation ?? 0;
  // FFmpeg tolerates one degree, and ffprobe cuts the fraction off.
  return Math.abs(Math.abs(rotation % 180) - 90) <= 1;
}

/** Undefined for `N/A`. */
function seconds(text: string | undefined): number | undefined {
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

function positive(text: string | undefined): number | undefined {
  const value = seconds(text);
  return value !== undefined && value > 0 ? value : undefined;
}

function fraction(text: string | undefined): number | undefined {
  const [numerator, denominator] = (text ?? '').split('/').map(Number);
  return positive(String((numerator ?? 0) / (denominator ?? 0)));
}
