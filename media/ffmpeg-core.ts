/** What the two sides of ffmpeg.wasm, the caller's thread and the worker, say to each other. */
import type { Program } from './ffmpeg.ts';

/** A compiled module. Opaque here; it can be sent to a worker without being compiled again. */
export type WasmModule = object;

/** The part of the WebAssembly API that is used. Its types come with lib.dom, which Node programs do not load. */
interface WebAssemblyApi {
  compile(bytes: Uint8Array): Promise<WasmModule>;
  instantiate(module: WasmModule, imports: object): Promise<object>;
}

/** `WebAssembly`, typed. */
export const wasm = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

/** One run of one program. */
export interface WorkerInput {
  readonly program: Program;
  readonly args: readonly string[];
  /** A path, or bytes in shared memory. */
  readonly source: string | Uint8Array<SharedArrayBuffer>;
  /** Path of the JavaScript half of @ffmpeg/core. */
  readonly corePath: string;
  readonly module: WasmModule;
  /** One element: chunks that were sent and not yet taken. The worker waits while it is at {@link WINDOW}. */
  readonly pending: Int32Array<SharedArrayBuffer>;
}

/** What the worker tells: output, a complaint, and at the end its exit status. */
export type WorkerMessage =
  | { readonly chunk: Uint8Array<ArrayBuffer> }
  | { readonly line: string }
  | { readonly status: number };

/** Bytes of output that travel together. */
export const CHUNK_BYTES = 2 ** 20;

/** Chunks on their way at most. */
export const WINDOW = 8;

/** The name of the input file inside the worker's own file system. */
export const INPUT = '/in';

/** The exit status of an FFmpeg that did not get as far as setting one. */
export const NO_STATUS = -1;
