// onnxruntime for the browser, in Node on our Dawn.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { preparing } from './ort.mjs';

export const packageName = 'onnxruntime-web';

export async function open() {
  copyShared();
  const ort = await import('onnxruntime-web/webgpu');
  const wasm = import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm');
  ort.env.wasm.wasmBinary = await readFile(fileURLToPath(wasm));
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  return { prepare: preparing(ort, { executionProviders: ['webgpu'] }) };
}

/** Its memory is a SharedArrayBuffer, whose views Dawn's Node binding does not take. */
function copyShared() {
  const { prototype } = globalThis.GPUQueue;
  const { writeBuffer } = prototype;
  prototype.writeBuffer = function (buffer, at, data, from, size) {
    const view = ArrayBuffer.isView(data) ? data : new Uint8Array(data);
    if (!(view.buffer instanceof SharedArrayBuffer)) return writeBuffer.call(this, buffer, at, data, from, size);
    const unit = ArrayBuffer.isView(data) ? (data.BYTES_PER_ELEMENT ?? 1) : 1;
    const start = view.byteOffset + (from ?? 0) * unit;
    const length = size === undefined ? view.byteOffset + view.byteLength - start : size * unit;
    return writeBuffer.call(this, buffer, at, new Uint8Array(view.buffer, start, length).slice());
  };
}
