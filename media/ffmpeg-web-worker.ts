/** The worker of `ffmpeg-web.ts`: runs one program of `@ffmpeg/core` once, on a `Blob` that is read as FFmpeg asks for it. */
import { type WorkerMessage, wasm } from './ffmpeg-core.ts';
import { type CreateCore, runProgram } from './ffmpeg-program.ts';
import type { WebWorkerInput } from './ffmpeg-web.ts';

/** What is used of a worker's globals, whose types Node has not. */
interface WorkerScope {
  onmessage: ((event: { readonly data: WebWorkerInput }) => void) | null;
  postMessage(message: WorkerMessage, transfer?: readonly ArrayBuffer[]): void;
  reportError(error: unknown): void;
  readonly FileReaderSync: new () => { readAsArrayBuffer(blob: Blob): ArrayBuffer };
}

const scope = globalThis as unknown as WorkerScope;

// A rejection alone tells the page nothing: it would wait for ever.
scope.onmessage = ({ data }) => void run(data).catch((error) => scope.reportError(error));

async function run({ program, args, source, script, module }: WebWorkerInput): Promise<void> {
  const { default: create } = (await import(/* @vite-ignore */ script)) as { default: CreateCore };
  const core = await create({
    instantiateWasm(imports, done) {
      wasm.instantiate(module, imports).then(
        (instance) => done(instance, module),
        (error) => scope.reportError(error),
      );
      return {};
    },
  });
  const reader = new scope.FileReaderSync();
  const read = (to: Uint8Array, position: number): number => {
    const bytes = new Uint8Array(reader.readAsArrayBuffer(source.slice(position, position + to.length)));
    to.set(bytes);
    return bytes.length;
  };
  const chunk = (bytes: Uint8Array<ArrayBuffer>): void => scope.postMessage({ chunk: bytes }, [bytes.buffer]);
  const line = (text: string): void => scope.postMessage({ line: text });
  scope.postMessage({ status: runProgram(core, { program, args, size: source.size, read, chunk, line }) });
}
