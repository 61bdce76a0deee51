/** A stream of raw bytes to the frames that were asked for. */
import { InputError } from '../engine/errors.ts';
import { decodeArguments, type Ffmpeg, type Selection, selectFrames } from './ffmpeg.ts';
import { noFrames, type Probe } from './probe.ts';

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

/** Whose frames they are. */
export interface FramesOptions {
  /** What errors and warnings call the video. */
  readonly name: string;
  readonly signal: AbortSignal;
  /** Receives what is wrong with the video although it goes on. */
  readonly warn: (text: string) => void;
}

/** Frames that one run of FFmpeg is asked for: its command line must stay below the 32 KB of Windows. */
const FRAMES_PER_RUN = 1000;

/**
 * Decodes frames by index. See `Video.frames`.
 *
 * @param indices - Ascending, below `probe.info.frames`.
 */
export async function* readFrames(
  ffmpeg: Ffmpeg,
  probe: Probe,
  indices: readonly number[],
  options: FramesOptions,
): AsyncGenerator<Frame> {
  const { width, height } = probe.info;
  const decode = new Decode(ffmpeg, probe, options);
  let taken = 0;
  const sharing = function* (until: number, rgb: Uint8Array): Generator<Frame> {
    for (; taken < indices.length && indices[taken]! <= until; taken++)
      yield { index: indices[taken]!, width, height, rgb };
  };

  const wanted = [...new Set(indices)];
  let decoded = 0;
  for (let start = 0; start < wanted.length && decoded === start; start += FRAMES_PER_RUN) {
    const batch = wanted.slice(start, start + FRAMES_PER_RUN);
    for await (const rgb of decode.run(selectFrames(batch), batch.length)) yield* sharing(wanted[decoded++]!, rgb);
  }
  if (decoded === wanted.length) return;
  const last = await lastFrame(decode, wanted[decoded - 1] ?? 0, options.name);
  const [first, ...more] = wanted.slice(decoded);
  const missing = more.length > 0 ? `${first} and ${more.length} more` : first;
  const there = `only ${last.index + 1} of ${probe.info.frames} frames decode`;
  options.warn(`${options.name}: ${there}; frame ${last.index} stands in for ${missing}.`);
  yield* sharing(Infinity, last.rgb);
}

/** What errors call a video: its path or address, the name of a `File`, else `video`. */
export function nameOf(video: string | URL | Blob | Uint8Array): string {
  if (typeof video === 'string' || video instanceof URL) return String(video);
  return 'name' in video && typeof video.name === 'string' ? video.name : 'video';
}

/** Throws an InputError unless indices ascend within a video of so many frames. */
export function checkIndices(indices: readonly number[], frames: number): void {
  let previous = 0;
  for (const index of indices) {
    if (!Number.isInteger(index) || index < previous || index >= frames)
      throw new InputError(`frames: indices must ascend within 0 to ${frames - 1}, got ${index} after ${previous}.`);
    previous = index;
  }
}

/** The last frame of a video that ends too early, searched from a frame that decodes, or from the first. */
async function lastFrame(decode: Decode, from: number, name: string): Promise<{ index: number; rgb: Uint8Array }> {
  let rgb: Uint8Array | undefined;
  let end = from;
  for await (rgb of decode.run(`gte(n\\,${from})`)) end++;
  if (!rgb) throw noFrames(name, decode.log);
  return { index: end - 1, rgb };
}

/** Runs of FFmpeg on one video. */
class Decode {
  /** What FFmpeg complained about. */
  readonly log: string[] = [];
  readonly #ffmpeg: Ffmpeg;
  readonly #probe: Probe;
  readonly #signal: AbortSignal;

  constructor(ffmpeg: Ffmpeg, probe: Probe, options: FramesOptions) {
    this.#ffmpeg = ffmpeg;
    this.#probe = probe;
    this.#signal = options.signal;
  }

  /** Gives the frames of which the condition holds, `count` of them at most. */
  async *run(condition: string, count?: number): AsyncGenerator<Uint8Array> {
    this.#signal.throwIfAborted();
    const { width, height } = this.#probe.info;
    const pixelFormat = this.#probe.pixelFormat;
    const selection: Selection = { condition, width, height, pixelFormat, ...(count && { count }) };
    const args = decodeArguments(this.#ffmpeg, selection);
    yield* cut(this.#ffmpeg.run('ffmpeg', args, { log: this.log, signal: this.#signal }), width * height * 3);
  }
}

/** Cuts a stream of chunks into pieces of `size` bytes, each in memory of its own. A last, short piece is dropped. */
async function* cut(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + size - filled);
      piece.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < size) continue;
      yield piece;
      piece = new Uint8Array(size);
      filled = 0;
    }
}
