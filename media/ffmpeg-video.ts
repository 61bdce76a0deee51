/** A video that FFmpeg decodes. */
import { InputError } from '../engine/errors.ts';
import { plainText } from '../engine/text.ts';
import { countFrames } from './count-frames.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import type { Log } from './ffmpeg-log.ts';
import { checkIndices, readFrames } from './frames.ts';
import { type Probe, probeVideo } from './probe.ts';
import type { Frame, FramesOptions, Video, VideoInfo } from './video.ts';

/** Reads what a video is. The caller gives `ffmpeg` back if this fails. */
export async function openFfmpegVideo(
  ffmpeg: Ffmpeg,
  { name, signal, turn }: { readonly name: string; readonly signal: AbortSignal | undefined; readonly turn: boolean },
): Promise<Video> {
  const closing = new AbortController();
  const either = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
  return new FfmpegVideo(name, ffmpeg, await probeVideo(ffmpeg, { name, signal: either, turn }), closing, either);
}

/** In characters. */
const LONGEST_WARNING = 500;

class FfmpegVideo implements Video {
  readonly name: string;
  readonly #ffmpeg: Ffmpeg;
  readonly #probe: Probe;
  readonly #closing: AbortController;
  readonly #signal: AbortSignal;
  #info: VideoInfo;
  #recounted: Promise<number> | undefined;
  /** By kind, in the order in which they came up. */
  readonly #warnings = new Map<string, string>();

  constructor(name: string, ffmpeg: Ffmpeg, probe: Probe, closing: AbortController, signal: AbortSignal) {
    this.name = name;
    this.#ffmpeg = ffmpeg;
    this.#probe = probe;
    this.#closing = closing;
    this.#signal = signal;
    this.#info = probe.info;
    for (const [kind, text] of probe.warnings) this.#warn(kind, text);
    if (probe.counted) this.#hear(probe.counted);
  }

  get decoder() {
    return this.#ffmpeg.decoder;
  }

  get info(): VideoInfo {
    return this.#info;
  }

  get warnings(): readonly string[] {
    return [...this.#warnings.values()];
  }

  frames(indices: readonly number[], { signal }: FramesOptions = {}): AsyncIterable<Frame> {
    // Whoever chose them may not know yet that there are fewer.
    checkIndices(indices, this.#probe.info.frames);
    return readFrames(this.#ffmpeg, this.#probe, [...indices], {
      name: this.name,
      signal: signal ? AbortSignal.any([signal, this.#signal]) : this.#signal,
      recount: () => {
        this.#recounted ??= this.#recount();
        return this.#recounted;
      },
      heard: (log) => this.#hear(log),
      standsIn: (text) => this.#warn('stand-in', text),
    });
  }

  async #recount(): Promise<number> {
    const promised = this.#info.frames;
    const counted = await countFrames(this.#ffmpeg, this.#probe, { name: this.name, signal: this.#signal });
    this.#info = this.#probe.recount(counted);
    const { frames } = counted;
    if (frames < promised) this.#warn('missing', `only ${frames} of ${promised} frames decode. Is the file damaged?`);
    this.#hear(counted.log);
    return frames;
  }

  /** What FFmpeg complained about, to be said where nothing else explains it. */
  #hear({ damagedFrames, faults, errors: [first] }: Log): void {
    const { frames } = this.#info;
    const maybeWrong = 'what they show may be wrong.';
    if (damagedFrames > 0)
      this.#warn('damaged', `at least ${damagedFrames} of its ${frames} frames are damaged: ${maybeWrong}`);
    else if (faults > 0 && this.#probe.beginsWhole && this.#warnings.size === 0)
      this.#warn(
        'damaged',
        `some frames are damaged (${faults} faults, first: ${first?.replace(/\.$/, '')}): ${maybeWrong}`,
      );
  }

  /** A later text of one kind replaces an earlier one. */
  #warn(kind: string, text: string): void {
    this.#warnings.set(kind, plainText(`${this.name}: ${text}`, LONGEST_WARNING));
  }

  async close(): Promise<void> {
    this.#closing.abort(new InputError(`${this.name}: the video is closed. Open it again.`));
    await this.#ffmpeg[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
