/** Video files to frames, by index. Decoded by an installed FFmpeg or by ffmpeg.wasm, with the same pixels. */
import { access, constants, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VideoError } from './errors.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { findNative, openNative } from './ffmpeg-native.ts';
import { findWasm, openWasm } from './ffmpeg-wasm.ts';
import { checkIndices, type Frame, nameOf, readFrames } from './frames.ts';
import { type Probe, probeVideo, type VideoInfo } from './probe.ts';

export type { Frame } from './frames.ts';
export type { VideoInfo } from './probe.ts';

/** An open video. Close it, or leave it to `await using`. */
export interface Video extends AsyncDisposable {
  /** What errors and warnings call it. */
  readonly name: string;
  /** What decodes it; `webcodecs` in a browser. */
  readonly decoder: 'ffmpeg' | 'ffmpeg.wasm' | 'webcodecs';
  readonly info: VideoInfo;
  /** What is wrong with the video although it can be used, a line each. Grows as frames are read. */
  readonly warnings: readonly string[];
  /**
   * Decodes frames in presentation order, one at a time as they are taken. A file that is cut off may hold fewer
   * than `info.frames`: its last frame then stands in for those that are missing, and `warnings` says so.
   *
   * @param indices - Ascending, from 0 to `info.frames - 1`; an index may occur more than once.
   * @returns A frame for each index. Frames of the same picture share their bytes.
   * @throws InputError for other indices, VideoError if no frame decodes, and the signal's reason on abort.
   */
  frames(indices: readonly number[]): AsyncIterable<Frame>;
  /** Stops what is running and removes temporary files. More than once does no harm. */
  close(): Promise<void>;
}

/** How to open a video. */
export interface OpenVideoOptions {
  /** `auto`, the default: `ffmpeg` if both it and `ffprobe` are on PATH, else `ffmpeg.wasm`. */
  decoder?: 'auto' | 'ffmpeg' | 'ffmpeg.wasm';
  /** What errors call the video. Default: the path, or `video` for bytes. */
  name?: string;
  /** Aborts opening, and later every reading of frames. */
  signal?: AbortSignal;
}

/**
 * Opens a video and reads what it is; decodes nothing yet.
 *
 * @param video - The path of a file or its `file:` address, or the bytes of a video (do not change them while it is open).
 * Containers need random access, so bytes are put in a temporary file for an installed FFmpeg.
 * @throws VideoError if there is no such video, or no decoder for it.
 */
export async function openVideo(
  video: string | URL | Blob | Uint8Array,
  options: OpenVideoOptions = {},
): Promise<Video> {
  const { name = nameOf(video), decoder = 'auto', signal } = options;
  signal?.throwIfAborted();
  const source = await pathOrBytes(video, name);
  await checkSource(source, name);
  // The working directory may change while the video is open.
  const ffmpeg = await openFfmpeg(typeof source === 'string' ? resolve(source) : source, name, decoder);
  try {
    const closing = new AbortController();
    const either = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
    return new FfmpegVideo(name, ffmpeg, await probeVideo(ffmpeg, name, either), closing, either);
  } catch (error) {
    await ffmpeg[Symbol.asyncDispose]();
    throw error;
  }
}

class FfmpegVideo implements Video {
  readonly name: string;
  readonly info: VideoInfo;
  readonly warnings: string[];
  readonly #ffmpeg: Ffmpeg;
  readonly #probe: Probe;
  readonly #closing: AbortController;
  readonly #signal: AbortSignal;

  constructor(name: string, ffmpeg: Ffmpeg, probe: Probe, closing: AbortController, signal: AbortSignal) {
    this.name = name;
    this.info = probe.info;
    this.warnings = [...probe.warnings];
    this.#ffmpeg = ffmpeg;
    this.#probe = probe;
    this.#closing = closing;
    this.#signal = signal;
  }

  get decoder() {
    return this.#ffmpeg.decoder;
  }

  frames(indices: readonly number[]): AsyncIterable<Frame> {
    checkIndices(indices, this.info.frames);
    const warn = (text: string) => this.warnings.includes(text) || this.warnings.push(text);
    return readFrames(this.#ffmpeg, this.#probe, [...indices], {
      name: this.name,
      signal: this.#signal,
      warn,
    });
  }

  async close(): Promise<void> {
    this.#closing.abort(new VideoError(this.name, 'the video is closed.'));
    await this.#ffmpeg[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * FFmpeg with an input, wherever there is one.
 *
 * @throws VideoError if there is none.
 */
export async function openFfmpeg(source: string | Uint8Array, name: string, decoder: string): Promise<Ffmpeg> {
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

async function pathOrBytes(video: string | URL | Blob | Uint8Array, name: string): Promise<string | Uint8Array> {
  if (video instanceof Blob) return new Uint8Array(await video.arrayBuffer());
  if (!(video instanceof URL)) return video;
  if (video.protocol === 'file:') return fileURLToPath(video);
  throw new VideoError(name, 'an address. Download it: in Node a path, a file: address or bytes are needed.');
}

async function checkSource(source: string | Uint8Array, name: string): Promise<void> {
  if (typeof source !== 'string') {
    if (source.length === 0) throw new VideoError(name, 'no data (0 bytes). A video is needed.');
    return;
  }
  try {
    const found = await stat(source);
    if (found.isDirectory()) throw new VideoError(name, 'a directory. The path of a video file is needed.');
    if (!found.isFile()) throw new VideoError(name, 'not a regular file. Videos are read with random access.');
    if (found.size === 0) throw new VideoError(name, 'the file is empty. A video is needed.');
    await access(source, constants.R_OK);
  } catch (error) {
    throw error instanceof VideoError ? error : unopened(name, error);
  }
}

function unopened(name: string, cause: unknown): VideoError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOENT') return new VideoError(name, 'no such file. Check the path.', { cause });
  if (code === 'EACCES' || code === 'EPERM')
    return new VideoError(name, 'permission denied. The file must be readable by the user who runs this.', {
      cause,
    });
  return new VideoError(name, `cannot be opened (${code ?? cause}). A readable video file is needed.`, {
    cause,
  });
}
