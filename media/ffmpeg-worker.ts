/**
 * The worker thread of `ffmpeg-wasm.ts`, and its own entry point in the build: runs one program of `@ffmpeg/core` once.
 */
import { fstatSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { WINDOW, type WorkerInput, type WorkerMessage, wasm } from './ffmpeg-core.ts';
import { type Core, type CreateCore, type Read, runProgram } from './ffmpeg-program.ts';

const input = workerData as WorkerInput;
void main(); // No top-level await: from source, tsx loads this as CommonJS.

async function main(): Promise<void> {
  const [size, read] = typeof input.source === 'string' ? fromFile(input.source) : fromBytes(input.source);
  const { program, args } = input;
  const line = (text: string): void => post({ line: text });
  post({ status: runProgram(await load(), { program, args, size, read, chunk: postChunk, line }) });
}

async function load(): Promise<Core> {
  // Emscripten takes a worker for a browser's and looks for its address.
  Object.assign(globalThis, { self: { location: { href: '' } } });
  const create: CreateCore = createRequire(import.meta.url)(input.corePath);
  return create({
    instantiateWasm(imports, done) {
      wasm.instantiate(input.module, imports).then((instance) => done(instance, input.module));
      return {};
    },
  });
}

function fromFile(path: string): [size: number, read: Read] {
  const file = openSync(path, 'r');
  return [fstatSync(file).size, (to, position) => readSync(file, to, 0, to.length, position)];
}

function fromBytes(bytes: Uint8Array): [size: number, read: Read] {
  return [
    bytes.length,
    (to, position) => {
      const piece = bytes.subarray(position, position + to.length);
      to.set(piece);
      return piece.length;
    },
  ];
}

/** Posts a chunk, and waits until there is room for the next. */
function postChunk(chunk: Uint8Array<ArrayBuffer>): void {
  let pending = Atomics.add(input.pending, 0, 1) + 1;
  post({ chunk }, [chunk.buffer]);
  while (pending >= WINDOW) {
    Atomics.wait(input.pending, 0, pending);
    pending = Atomics.load(input.pending, 0);
  }
}

function post(message: WorkerMessage, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}
