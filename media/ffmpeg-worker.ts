/**
 * The worker thread of `ffmpeg-wasm.ts`, and its own entry point in the build: runs one program of `@ffmpeg/core`
 * once. FFmpeg is synchronous, and reads and writes files of Emscripten's file system: the input file there reads
 * the real one, the output file posts what is written to it.
 */
import { fstatSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { CHUNK_BYTES, INPUT, WINDOW, type WorkerInput, type WorkerMessage, wasm } from './ffmpeg-core.ts';

/** The part of Emscripten's file system that is used. */
interface EmscriptenFs {
  createFile(folder: string, name: string, properties: object, canRead: boolean, canWrite: boolean): FileNode;
  makedev(major: number, minor: number): number;
  registerDevice(device: number, operations: object): void;
  mkdev(path: string, device: number): void;
}

interface FileNode {
  /** The size that FFmpeg sees. */
  usedBytes: number;
  stream_ops: object;
}

interface Core {
  readonly FS: EmscriptenFs;
  setLogger(logger: (line: { type: 'stdout' | 'stderr'; message: string }) => void): void;
  exec(...args: string[]): number;
  ffprobe(...args: string[]): number;
}

type CreateCore = (options: {
  instantiateWasm(imports: object, done: (instance: object, module: object) => void): object;
}) => Promise<Core>;

/** Reads up to `length` bytes of the input from `position` into `to`; returns how many. */
type Read = (to: Uint8Array, position: number) => number;

const OUTPUT = '/out';

const input = workerData as WorkerInput;
void main(); // No top-level await: from source, tsx loads this as CommonJS.

async function main(): Promise<void> {
  const core = await load();
  core.setLogger(complain);
  const [size, read] = typeof input.source === 'string' ? fromFile(input.source) : fromBytes(input.source);
  mountInput(core.FS, size, read);
  const flush = mountOutput(core.FS);
  const status = execute(core);
  flush();
  post({ status });
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

function execute(core: Core): number {
  try {
    if (input.program === 'ffprobe') return core.ffprobe(...input.args, '-o', OUTPUT);
    return core.exec(...input.args, OUTPUT);
  } catch (error) {
    // Emscripten's way to leave through exit().
    if (error instanceof Object && 'status' in error && typeof error.status === 'number') return error.status;
    throw error;
  }
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

function mountInput(fs: EmscriptenFs, size: number, read: Read): void {
  const node = fs.createFile('/', INPUT.slice(1), {}, true, false);
  node.usedBytes = size;
  node.stream_ops = {
    ...node.stream_ops,
    read: (_: unknown, heap: Int8Array, offset: number, length: number, position: number) =>
      read(new Uint8Array(heap.buffer, heap.byteOffset + offset, length), position),
  };
}

/** Makes the output file. @returns a function that posts what has not filled a chunk. */
function mountOutput(fs: EmscriptenFs): () => void {
  let chunk = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  const flush = () => {
    if (filled === 0) return;
    postChunk(chunk.subarray(0, filled));
    chunk = new Uint8Array(CHUNK_BYTES);
    filled = 0;
  };
  const write = (_: unknown, heap: Int8Array, offset: number, length: number) => {
    const written = Math.min(length, chunk.length - filled);
    chunk.set(heap.subarray(offset, offset + written), filled);
    filled += written;
    if (filled === chunk.length) flush();
    return written;
  };
  const device = fs.makedev(64, 0); // A number that Emscripten does not use itself.
  fs.registerDevice(device, { open() {}, close() {}, llseek: () => 0, write });
  fs.mkdev(OUTPUT, device);
  return flush;
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

function complain({ type, message }: { type: string; message: string }): void {
  // Emscripten announces every exit, the good ones too.
  if (type === 'stderr' && message !== 'Aborted()') post({ line: message });
}

function post(message: WorkerMessage, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}
