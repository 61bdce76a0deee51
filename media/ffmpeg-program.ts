/**
 * One run of a program of `@ffmpeg/core`, in whatever worker: FFmpeg is synchronous, and reads and writes files of Emscripten's
 * file system. The input file there reads the real one, the output file hands on what is written to it.
 */
import type { Program } from './ffmpeg.ts';
import { CHUNK_BYTES, INPUT } from './ffmpeg-core.ts';

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

export interface Core {
  readonly FS: EmscriptenFs;
  setLogger(logger: (line: { type: 'stdout' | 'stderr'; message: string }) => void): void;
  exec(...args: string[]): number;
  ffprobe(...args: string[]): number;
}

export type CreateCore = (options: {
  instantiateWasm(imports: object, done: (instance: object, module: object) => void): object;
}) => Promise<Core>;

/** Reads up to `length` bytes of the input from `position` into `to`; returns how many. */
export type Read = (to: Uint8Array, position: number) => number;

/** What is run on what, and who takes what comes. */
export interface ProgramRun {
  readonly program: Program;
  readonly args: readonly string[];
  readonly size: number;
  readonly read: Read;
  /** Output, in memory of its own. */
  readonly chunk: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** A complaint. */
  readonly line: (text: string) => void;
}

const OUTPUT = '/out';

/** @returns the exit status. */
export function runProgram(core: Core, run: ProgramRun): number {
  core.setLogger(({ type, message }) => {
    // Emscripten announces every exit, the good ones too.
    if (type === 'stderr' && message !== 'Aborted()') run.line(message);
  });
  mountInput(core.FS, run.size, run.read);
  const flush = mountOutput(core.FS, run.chunk);
  const status = execute(core, run);
  flush();
  return status;
}

function execute(core: Core, { program, args }: ProgramRun): number {
  try {
    if (program === 'ffprobe') return core.ffprobe(...args, '-o', OUTPUT);
    return core.exec(...args, OUTPUT);
  } catch (error) {
    // Emscripten's way to leave through exit().
    if (error instanceof Object && 'status' in error && typeof error.status === 'number') return error.status;
    throw error;
  }
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

/** Makes the output file. @returns a function that hands on what has not filled a chunk. */
function mountOutput(fs: EmscriptenFs, take: ProgramRun['chunk']): () => void {
  let chunk = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  const flush = () => {
    if (filled === 0) return;
    take(chunk.subarray(0, filled));
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
