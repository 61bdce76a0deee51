import type { ByteSource } from './safetensors.ts';

/** A file that nobody wrote: `size` bytes that begin with `start`, and zeros after it. */
export function memorySource(name: string, start: Uint8Array, size = start.length): ByteSource {
  return {
    name,
    size,
    read: async (offset, length) => {
      const bytes = new Uint8Array(Math.min(length, size - offset));
      bytes.set(start.subarray(offset, offset + length));
      return bytes;
    },
    close: async () => undefined,
  };
}
