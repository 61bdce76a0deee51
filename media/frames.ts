/** A stream of raw bytes to the frames that were asked for. */
import { InputError } from '../engine/errors.ts';
import { decodeArguments, type Ffmpeg, type Selection } from './ffmpeg.ts';
import { Log } from './ffmpeg-log.ts';
import type { Probe } from './probe.ts';
import { noFrames } from './probe-errors.ts';
import type { Frame } from './video.ts';

/** Whose frames they are, and who is told what is found on the way. */
export interface ReadOptions {
  readonly name: string;
  readonly signal: AbortSignal;
  /** Counts the frames that decode: for where they are fewer than were counted. */
  readonly recount: () => Promise<number>;
  /** Told what FFmpeg said while it decoded. */
  readonly heard: (log: Log) => void;
  /** Told that a frame stands in for others, in words. */
  readonly standsIn: (text: string) => void;
}

/** Frames that one run of FFmpeg is asked for: its command line must stay below the 32 KB of Windows. */
const FRAMES_PER_RUN = 1000;

/**
 * Decodes frames by index. See `Video.frames`.
 *
 * @param indices - Ascending.
 */
export async function* readFrames(
  ffmpeg: Ffmpeg,
  probe: Probe,
  indices: readonly number[],
  options: ReadOptions,
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
  let last: Uint8Array | undefined;
  for (let start = 0; start < wanted.length && decoded === start; start += FRAMES_PER_RUN) {
    const batch = wanted.slice(start, start + FRAMES_PER_RUN);
    for await (last of decode.run(batch)) yield* sharing(wanted[decoded++]!, last);
  }
  if (decoded === wanted.length) return;

  const lastIndex = (await options.recount()) - 1;
  if (!last || wanted[decoded - 1] !== lastIndex) for await (last of decode.run([lastIndex]));
  if (!last) throw noFrames(options.name, decode.log);
  const [first, ...more] = wanted.slice(decoded);
  yield* sharing(Infinity, last);
  const missing = more.length > 0 ? `${first} and ${more.length} more` : first;
  options.standsIn(`frame ${lastIndex} stands in for ${missing}, which do not decode.`);
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

/** Runs of FFmpeg on one video. */
class Decode {
  /** What FFmpeg complained about. */
  log = new Log();
  readonly #ffmpeg: Ffmpeg;
  readonly #probe: Probe;
  readonly #options: ReadOptions;

  constructor(ffmpeg: Ffmpeg, probe: Probe, options: ReadOptions) {
    this.#ffmpeg = ffmpeg;
    this.#probe = probe;
    this.#options = options;
  }

  /** Gives the frames of some indices, as far as they decode. */
  async *run(indices: readonly number[]): AsyncGenerator<Uint8Array> {
    const { signal, heard } = this.#options;
    signal.throwIfAborted();
    this.log = new Log();
    const { width, height } = this.#probe.info;
    const selection: Selection = { indices, width, height };
    const args = decodeArguments(this.#ffmpeg, this.#probe, selection);
    yield* cut(this.#ffmpeg.run('ffmpeg', args, { log: this.log, signal }), width * height * 3);
    heard(this.log);
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
