/** FFmpeg with an input, wherever there is one, for a limited time. */
import { VideoError } from './errors.ts';
import type { Ffmpeg, Program, RunOptions } from './ffmpeg.ts';
import { findNative, openNative } from './ffmpeg-native.ts';
import { findWasm, openWasm } from './ffmpeg-wasm.ts';
import type { LocalSource } from './source.ts';

/** Which FFmpeg, and for how long. */
export interface FfmpegOptions {
  /** What errors call the input. */
  readonly name: string;
  /** `auto`, `ffmpeg` or `ffmpeg.wasm`. */
  readonly decoder: string;
  /** Longest time that one run may take. */
  readonly timeoutSeconds: number;
  /** Most pixels of a frame, which FFmpeg refuses to decode beyond. */
  readonly maxPixels?: number | undefined;
}

/** Seconds that one run of FFmpeg may take if nothing else is asked for. */
export const TIMEOUT_SECONDS = 1800;

/**
 * Gives FFmpeg a file or the bytes of one. The source is given back with it, or if this fails.
 *
 * @throws VideoError if there is no FFmpeg.
 */
export async function openFfmpeg(source: LocalSource, options: FfmpegOptions): Promise<Ffmpeg> {
  const giveBack = () => source[Symbol.asyncDispose]();
  const limits = options.maxPixels === undefined ? [] : ['-max_pixels', `${options.maxPixels}`];
  const ffmpeg = await findAndOpen(source.data, options).catch((error) =>
    giveBack().then(() => {
      throw error;
    }),
  );
  return {
    ...ffmpeg,
    run: (program, args, run) => inTime(ffmpeg, { program, args: [...limits, ...args], run }, options),
    [Symbol.asyncDispose]: async () => {
      await ffmpeg[Symbol.asyncDispose]();
      await giveBack();
    },
  };
}

async function findAndOpen(source: string | Uint8Array, { name, decoder }: FfmpegOptions): Promise<Ffmpeg> {
  if (decoder === 'auto' || decoder === 'ffmpeg') {
    const native = await findNative();
    if (native) return openNative(native, source, name);
    if (decoder === 'ffmpeg')
      throw new VideoError(name, 'ffmpeg and ffprobe are not both on PATH. Install FFmpeg (https://ffmpeg.org).');
  } else if (decoder !== 'ffmpeg.wasm')
    throw new VideoError(name, `decoder must be auto, ffmpeg or ffmpeg.wasm, got '${decoder}'.`);
  const core = findWasm();
  if (core) return openWasm(core, source, name);
  const missing = decoder === 'auto' ? 'nothing to decode it with' : 'the package @ffmpeg/core is missing';
  throw new VideoError(name, `${missing}. Install FFmpeg (https://ffmpeg.org), or run: npm install @ffmpeg/core`);
}

interface Run {
  readonly program: Program;
  readonly args: readonly string[];
  readonly run: RunOptions;
}

/** A run that is stopped when it has worked for too long. What the reader takes for its own work does not count. */
async function* inTime(ffmpeg: Ffmpeg, { program, args, run }: Run, { name, timeoutSeconds }: FfmpegOptions) {
  const late = new AbortController();
  const signal = AbortSignal.any([run.signal, late.signal]);
  const chunks = ffmpeg.run(program, args, { ...run, signal })[Symbol.asyncIterator]();
  const stop = () => {
    const remedy = 'Cut or convert the video, or allow more (timeoutSeconds).';
    late.abort(new VideoError(name, `${program} took longer than ${timeoutSeconds} s and was stopped. ${remedy}`));
  };
  let left = timeoutSeconds * 1000;
  try {
    while (true) {
      const started = performance.now();
      const timer = setTimeout(stop, left);
      const { done, value } = await chunks.next().finally(() => clearTimeout(timer));
      if (done) return;
      left -= performance.now() - started;
      yield value;
    }
  } finally {
    await chunks.return?.();
  }
}
