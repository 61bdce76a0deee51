/**
 * FFmpeg 5.1 as WebAssembly (`@ffmpeg/core`, GPL, an optional dependency), in a worker thread: for machines without
 * an FFmpeg of their own. A run is a worker, as natively it is a process.
 */
import { on } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { VideoError } from './errors.ts';
import type { Ffmpeg, RunOptions } from './ffmpeg.ts';
import { INPUT, NO_STATUS, type WasmModule, type WorkerInput, type WorkerMessage, wasm } from './ffmpeg-core.ts';

/** The installed `@ffmpeg/core`. */
export interface WasmFfmpeg {
  readonly corePath: string;
  readonly wasmPath: string;
}

/** Looks for `@ffmpeg/core` among the installed packages. */
export function findWasm(): WasmFfmpeg | undefined {
  const require = createRequire(import.meta.url);
  try {
    return { corePath: require.resolve('@ffmpeg/core'), wasmPath: require.resolve('@ffmpeg/core/wasm') };
  } catch {
    return undefined;
  }
}

/**
 * Gives FFmpeg its input. A file is read piece by piece as FFmpeg asks for it; bytes are put where all workers
 * can read them.
 *
 * @param source - A path, or the bytes of the video.
 * @param name - What errors call the video.
 */
export async function openWasm(core: WasmFfmpeg, source: string | Uint8Array, name: string): Promise<Ffmpeg> {
  const module = await compile(core.wasmPath);
  const shared = typeof source === 'string' ? source : share(source);
  return {
    decoder: 'ffmpeg.wasm',
    input: INPUT,
    everyFrame: ['-fps_mode', 'passthrough'],
    run: (program, args, options) => {
      const pending = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
      const input = { program, args, source: shared, corePath: core.corePath, module, pending };
      return run(name, input, options);
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

async function* run(name: string, input: WorkerInput, { log, signal }: RunOptions) {
  signal.throwIfAborted();
  const worker = startWorker(input);
  const stop = () => void worker.terminate();
  signal.addEventListener('abort', stop);
  const messages = on(worker, 'message', { close: ['exit'] }) as AsyncIterable<[WorkerMessage]>;
  try {
    for await (const [message] of messages) {
      if ('line' in message) log.add(message.line);
      else if ('chunk' in message) {
        yield message.chunk;
        Atomics.sub(input.pending, 0, 1);
        Atomics.notify(input.pending, 0);
      } else if (message.status !== NO_STATUS || input.program === 'ffprobe') return;
      else throw new Error(log.errors.at(-1) ?? 'it stopped without a word');
    }
    throw new Error('its thread ended');
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    const message = `ffmpeg.wasm failed (${why}). An installed FFmpeg (https://ffmpeg.org) has fewer limits.`;
    throw new VideoError(name, message, { cause: error });
  } finally {
    signal.removeEventListener('abort', stop);
    await worker.terminate();
  }
}

function startWorker(workerData: WorkerInput): Worker {
  const here = import.meta.url;
  const options = { workerData, execArgv: [] };
  if (!here.endsWith('.ts')) return new Worker(new URL('./ffmpeg-worker.js', here), options);
  // From TypeScript source: tsx does not reach into worker threads by itself.
  const { resolve } = createRequire(here);
  const modules = [resolve('tsx/cjs'), fileURLToPath(new URL('./ffmpeg-worker.ts', here))];
  return new Worker(modules.map((path) => `require(${JSON.stringify(path)})`).join(';'), {
    ...options,
    eval: true,
  });
}

/** Compiled once for the process: it takes longer than anything else about a short video. */
const modules = new Map<string, Promise<WasmModule>>();

function compile(path: string): Promise<WasmModule> {
  const known = modules.get(path);
  if (known) return known;
  const module = readFile(path).then((bytes) => wasm.compile(bytes));
  modules.set(path, module);
  module.catch(() => modules.delete(path));
  return module;
}

function share(bytes: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}
