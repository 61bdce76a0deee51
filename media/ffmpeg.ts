/** FFmpeg, wherever it runs: what its two implementations share. */

/** The two programs. `ffprobe` writes text, `ffmpeg` raw frames. */
export type Program = 'ffmpeg' | 'ffprobe';

/** How to run FFmpeg once. */
export interface RunOptions {
  /** Receives the first lines of what the program complains about. */
  readonly log: string[];
  /** Stops the program; iteration then fails. */
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

/** Lines of complaint that are kept: a damaged file has one for each frame. */
export const LOG_LINES = 100;

/** The first video stream that is not a cover picture. */
const STREAM = 'V:0';

/** Which frames one run of the decoder gives, and how they look. */
export interface Selection {
  /** A condition of the `select` filter; `n` is the frame's index in presentation order. */
  readonly condition: string;
  /** Stop after that many frames; without it, decode to the end. */
  readonly count?: number;
  /** Size of the frames as displayed, in pixels. */
  readonly width: number;
  readonly height: number;
  /** FFmpeg's name for the video's own pixel format; undefined if it could not tell. */
  readonly pixelFormat: string | undefined;
}

/** Arguments of `ffprobe` for everything about the video stream, as JSON, its packets included. */
export function probeArguments(ffmpeg: Ffmpeg): string[] {
  const show = ['-show_format', '-show_streams', '-show_packets', '-show_entries', 'packet=flags'];
  return ['-v', 'warning', ...LOCAL, ...show, '-select_streams', STREAM, '-of', 'json', '-i', ffmpeg.input];
}

/** Arguments of `ffprobe` for what each frame says of itself, as JSON: for pictures, since it decodes them all. */
export function framesArguments(ffmpeg: Ffmpeg): string[] {
  return ['-v', 'error', ...LOCAL, '-show_frames', '-select_streams', STREAM, '-of', 'json', '-i', ffmpeg.input];
}

/** Arguments of `ffprobe` for the kinds of all streams, as JSON. */
export function streamsArguments(ffmpeg: Ffmpeg): string[] {
  return ['-v', 'error', ...LOCAL, '-show_streams', '-of', 'json', '-i', ffmpeg.input];
}

/** Arguments of `ffmpeg` for the selected frames, `[height, width, 3]` bytes each, one after another. */
export function decodeArguments(ffmpeg: Ffmpeg, selection: Selection): string[] {
  const { condition, count, width, height } = selection;
  const convert = `scale=${width}:${height}:flags=${scalerFlags(selection.pixelFormat)},format=rgb24`;
  // With -reinit_filter 0 a change of size within the stream does not restart the count of frames.
  const input = ['-reinit_filter', '0', '-i', ffmpeg.input, '-map', `0:${STREAM}`];
  const filter = ['-vf', `select='${condition}',${convert}`, ...ffmpeg.everyFrame];
  const limit = count === undefined ? [] : ['-frames:v', `${count}`];
  return ['-v', 'error', ...LOCAL, ...input, ...filter, ...limit, '-f', 'rawvideo', '-pix_fmt', 'rgb24'];
}

/** A playlist must not make FFmpeg read other addresses. */
const LOCAL = ['-protocol_whitelist', 'file'];

/**
 * How YUV becomes RGB. Without accurate_rnd every processor rounds in its own way; with it, all agree bit for bit.
 * The reference (decord, swscale's defaults) has a fast path for 8-bit 4:2:0 and 4:2:2, which repeats chroma: these
 * flags do the same, rounded properly, and differ by 3 of 255 at most. On other formats the two are identical.
 */
function scalerFlags(pixelFormat = ''): string {
  const chroma = /^yuvj?42[02]p$/.test(pixelFormat) ? 'neighbor+full_chroma_int' : 'bicubic';
  return `${chroma}+accurate_rnd+bitexact`;
}

/** The condition that selects frames by index. `indices` are ascending and distinct, at least one. */
export function selectFrames(indices: readonly number[]): string {
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
