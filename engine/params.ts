import { InputError } from './errors.ts';
import type { Kernel } from './kernel.ts';
import type { BufferPool } from './pool.ts';

const ALIGN = 256; // minUniformBufferOffsetAlignment, whatever the adapter

/** The parameter blocks of the dispatches of one submit: written side by side, uploaded in one go. */
export class ParamsArena {
  readonly #pool: BufferPool;
  #bytes = new Uint8Array(16 * ALIGN);
  #used = 0;
  #bindings: GPUBufferBinding[] = [];

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** Lays `values` out as the kernel's `Params` struct (4-byte scalars, in order). Its buffer comes with `upload`. */
  write(kernel: Kernel, values: Readonly<Record<string, number>>): GPUBufferBinding {
    const { params } = kernel.interface;
    const size = Math.max(16, 4 * params.length);
    const offset = this.#used;
    this.#used += Math.ceil(size / ALIGN) * ALIGN;
    if (this.#used > this.#bytes.byteLength) {
      const grown = new Uint8Array(2 * this.#used);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    const view = new DataView(this.#bytes.buffer, offset, size);
    for (const [index, { name, type }] of params.entries()) {
      const value = values[name];
      if (value === undefined) throw new InputError(`${kernel.name}: needs a parameter '${name}', got none.`);
      if (type === 'f32') view.setFloat32(4 * index, value, true);
      else if (type === 'i32') view.setInt32(4 * index, value, true);
      else view.setUint32(4 * index, value, true);
    }
    const binding = { buffer: undefined as unknown as GPUBuffer, offset, size };
    this.#bindings.push(binding);
    return binding;
  }

  /** Uploads what was written and gives every binding its buffer. The caller releases it after the submit. */
  upload(queue: GPUQueue): GPUBuffer | undefined {
    if (this.#used === 0) return undefined;
    const buffer = this.#pool.reuse(this.#used) ?? this.#pool.create('params', this.#used);
    queue.writeBuffer(buffer, 0, this.#bytes, 0, this.#used);
    for (const binding of this.#bindings) binding.buffer = buffer;
    this.#bindings = [];
    this.#used = 0;
    return buffer;
  }
}
