/**
 * FFmpeg 5.1 as WebAssembly in a page, for what WebCodecs does not decode: a run is a worker, as in Node it is a thread. Nothing of it
 * is loaded before it is needed: it has 32 MB.
 */
import { VideoError } from './errors.ts';
import type { Ffmpeg, Program, RunOptions } from './ffmpeg.ts';
import { INPUT, NO_STATUS, type WasmModule, type WorkerMessage, wasm } from './ffmpeg-core.ts';
import { openFfmpegVideo } from './ffmpeg-video.ts';
import type { Video } from './video.ts';

/** Where a page has its FFmpeg. */
export interface WebFfmpeg {
  /** Addresses of the two halves of `@ffmpeg/core`: its module for browsers, and its code. */
  readonly script: string;
  readonly wasm: string;
  /** Starts `ffmpeg-web-worker.ts`, as the page's bundler has it. */
  readonly worker: () => WebWorker;
}

/** What is used of a `Worker`, whose types Node has not. */
export interface WebWorker {
  onmessage: ((event: { readonly data: WorkerMessage }) => void) | null;
  onerror: ((event: { readonly message: string }) => void) | null;
  postMessage(message: WebWorkerInput): void;
  terminate(): void;
}

/** One run of one program. */
export interface WebWorkerInput {
  readonly program: Program;
  readonly args: readonly string[];
  readonly source: Blob;
  readonly script: string;
  readonly module: WasmModule;
}

/**
 * Opens a video with FFmpeg: its frames are those that Node gives, pixel for pixel.
 *
 * @throws VideoError if FFmpeg cannot be loaded, or cannot read the video either.
 */
export async function openFfmpegInPage(
  source: Blob,
  { name, signal }: { readonly name: string; readonly signal?: AbortSignal | undefined },
  core: WebFfmpeg,
): Promise<Video> {
  const module = await compiled(core.wasm, name);
  const ffmpeg: Ffmpeg = {
    decoder: 'ffmpeg.wasm',
    input: INPUT,
    everyFrame: ['-fps_mode', 'passthrough'],
    run: (program, args, options) =>
      run(name, core.worker(), { program, args, source, script: core.script, module }, options),
    [Symbol.asyncDispose]: async () => {},
  };
  return openFfmpegVideo(ffmpeg, { name, signal, turn: true });
}

let module: Promise<WasmModule> | undefined;

/** Compiled once: it takes longer than anything else about a short video. */
function compiled(address: string, name: string): Promise<WasmModule> {
  module ??= fetch(address)
    .then((response) => response.arrayBuffer())
    .then((bytes) => wasm.compile(new Uint8Array(bytes)));
  return module.catch((cause) => {
    module = undefined;
    throw new VideoError(
      name,
      `FFmpeg, which could read it, did not load (${(cause as Error).message}). Try again online.`,
      {
        cause,
      },
    );
  });
}

/** Chunks as the worker sends them: no faster than it decodes, which is slower than anybody takes them. */
async function* run(name: string, worker: WebWorker, input: WebWorkerInput, { log, signal }: RunOptions) {
  signal.throwIfAborted();
  const queue: WorkerMessage[] = [];
  let wake = (): void => {};
  let failed: string | undefined;
  const arrived = (): void => wake();
  worker.onmessage = ({ data }) => {
    queue.push(data);
    arrived();
  };
  worker.onerror = ({ message }) => {
    failed = message;
    arrived();
  };
  signal.addEventListener('abort', arrived);
  try {
    worker.postMessage(input);
    for (;;) {
      signal.throwIfAborted();
      const message = queue.shift();
      if (!message) {
        if (failed !== undefined)
          throw new VideoError(name, `ffmpeg.wasm failed (${failed}). Convert the video to MP4.`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else if ('line' in message) log.add(message.line);
      else if ('chunk' in message) yield message.chunk;
      else if (message.status !== NO_STATUS || input.program === 'ffprobe') return;
      else
        throw new VideoError(
          name,
          `ffmpeg.wasm failed (${log.errors.at(-1) ?? 'without a word'}). Convert the video to MP4.`,
        );
    }
  } finally {
    signal.removeEventListener('abort', arrived);
    worker.terminate();
  }
}
