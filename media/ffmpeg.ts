/** FFmpeg, wherever it runs: what its two implementations share. */
import type { Log } from './ffmpeg-log.ts';

/** The two programs. `ffprobe` writes text, `ffmpeg` raw frames. */
export type Program = 'ffmpeg' | 'ffprobe';

/** How to run FFmpeg once. */
export interface RunOptions {
  /** Receives what the program complains about. */
  readonly log: Log;
  /** Stops the program; iteration then fails with its reason. */
  readonly signal: AbortSignal;
}

/** FFmpeg with one input file. Every run is its own process or thread, so that runs can be stopped and overlap. */
export interface Ffmpeg extends AsyncDisposable {
  readonly decoder: 'ffmpeg' | 'ffmpeg.wasm';
  /** The input's name on the command line. */
  readonly input: string;
  /** The option of this version that keeps every frame exactly once, whatever its time. */
  readonly everyFrame: readonly string[];
  /**
   * Runs a program; what it writes to its output arrives in chunks, no faster than they are taken. To stop
   * iterating is to stop the program. Its exit status says little (ffprobe.wasm always fails): judge the output.
   *
   * @throws VideoError if the program itself cannot run or crashes.
   */
  run(program: Program, args: readonly string[], options: RunOptions): AsyncIterable<Uint8Array>;
}

/** Streams with pictures that follow one another: no covers. */
const VIDEO_STREAMS = 'V';

/** Which frames one run of the decoder gives, and how they look. */
export interface Selection {
  /** Frames by their place in presentation order, ascending and distinct, at least one. */
  readonly indices: readonly number[];
  /** Size of the frames as displayed, in pixels. */
  readonly width: number;
  readonly height: number;
}

/** What is decoded. */
export interface StreamChoice {
  /** Its index in the file. */
  readonly stream: number;
  /** FFmpeg's name for the video's own pixel format; undefined if it could not tell. */
  readonly pixelFormat: string | undefined;
  /** Whether frames are turned as the file says. */
  readonly turn: boolean;
}

/** Arguments of `ffprobe` for everything about the video streams, as JSON, their packets included. */
export function probeArguments(ffmpeg: Ffmpeg): string[] {
  const show = ['-show_format', '-show_streams', '-show_packets', '-show_entries', `packet=${PACKET}`];
  return [...PROBE, ...show, '-select_streams', VIDEO_STREAMS, '-i', ffmpeg.input];
}

const PACKET = 'stream_index,pts_time,duration_time,flags';

/** Arguments of `ffprobe` for the packets of all streams, as JSON. */
export function packetsArguments(ffmpeg: Ffmpeg): string[] {
  return [...PROBE, '-show_packets', '-show_entries', 'packet=pts_time,duration_time', '-i', ffmpeg.input];
}

/** Arguments of `ffprobe` for what the frames of a stream say of themselves, as JSON: it decodes them all. */
export function framesArguments(ffmpeg: Ffmpeg, stream: number): string[] {
  return [...PROBE, '-show_frames', '-select_streams', `${stream}`, '-i', ffmpeg.input];
}

/** Arguments of `ffprobe` for the kinds of all streams, as JSON. */
export function streamsArguments(ffmpeg: Ffmpeg): string[] {
  return [...PROBE, '-show_streams', '-i', ffmpeg.input];
}

/** Arguments of `ffmpeg` for the selected frames, `[height, width, 3]` bytes each, one after another. */
export function decodeArguments(ffmpeg: Ffmpeg, choice: StreamChoice, selection: Selection): string[] {
  const { indices, width, height } = selection;
  const convert = `scale=${width}:${height}:flags=${scalerFlags(choice.pixelFormat)},format=rgb24`;
  const filter = ['-vf', `select='${selectFrames(indices)}',${convert}`, ...ffmpeg.everyFrame];
  const count = ['-frames:v', `${indices.length}`];
  return [...decoded(ffmpeg, choice), ...filter, ...count, '-f', 'rawvideo', '-pix_fmt', 'rgb24'];
}

/** Arguments of `ffmpeg` for a line about each frame that decodes: `framecrc`, times in microseconds. */
export function countArguments(ffmpeg: Ffmpeg, choice: StreamChoice): string[] {
  const tiny = ['-vf', 'scale=16:16:flags=neighbor', ...ffmpeg.everyFrame, '-enc_time_base', '1:1000000'];
  return [...decoded(ffmpeg, choice), ...tiny, '-f', 'framecrc'];
}

function decoded(ffmpeg: Ffmpeg, { stream, turn }: StreamChoice): string[] {
  // With -reinit_filter 0 a change of size within the stream does not restart the count of frames.
  const input = ['-reinit_filter', '0', ...(turn ? [] : ['-noautorotate']), '-i', ffmpeg.input];
  return [...SAY, ...LOCAL, ...input, '-map', `0:${stream}`];
}

/** Every complaint, and how grave it is: `ffmpeg-log.ts` reads them. */
const SAY = ['-v', 'repeat+level+warning'];

/** A playlist must not make FFmpeg read other addresses. */
const LOCAL = ['-protocol_whitelist', 'file'];

const PROBE = [...SAY, ...LOCAL, '-of', 'json=compact=1'];

/**
 * How YUV becomes RGB. Without accurate_rnd every processor rounds in its own way; with it, all agree bit for bit.
 * The reference (decord, swscale's defaults) has a fast path for 8-bit 4:2:0 and 4:2:2, which repeats chroma: these
 * flags do the same, rounded properly, and differ by 3 of 255 at most. On other formats the two are identical.
 */
function scalerFlags(pixelFormat = ''): string {
  const chroma = /^yuvj?42[02]p$/.test(pixelFormat) ? 'neighbor+full_chroma_int' : 'bicubic';
  return `${chroma}+accurate_rnd+bitexact`;
}

/** The condition of the `select` filter for frames by index. */
function selectFrames(indices: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const index of indices) {
    const run = runs.at(-1);
    if (run && index === run[1] + 1) run[1] = index;
    else runs.push([index, index]);
  }
  return anyOf(runs.map(([first, last]) => `between(n\\,${first}\\,${last})`));
}

/** A balanced sum: FFmpeg evaluates it by recursion. */
function anyOf(terms: readonly string[]): string {
  if (terms.length < 2) return terms.join('');
  const half = terms.length >> 1;
  return `(${anyOf(terms.slice(0, half))}+${anyOf(terms.slice(half))})`;
}
