/** GPU memory in bytes. */
export interface MemoryUse {
  /** All buffers that exist now: in use, or waiting to be used again. */
  readonly bytes: number;
  /** The largest value that `bytes` has had since `resetPeak`. */
  readonly peakBytes: number;
}

const USAGE =
  // GPUBufferUsage STORAGE | UNIFORM | COPY_SRC | COPY_DST. Its global is not there before an adapter is.
  0x80 | 0x40 | 0x04 | 0x08;

/**
 * Free buffers that a pool keeps for later, in bytes. Without an end, a sequence that shrinks on its way through a model
 * would leave buffers of every length behind.
 */
export const MOST_FREE_BYTES = 2 ** 28;

/**
 * Storage buffers, reused by size class. Classes step by a quarter of a power of two, so a buffer is at most 25 %
 * larger than what was asked for and prefills of slightly different length meet the same buffers again.
 */
export class BufferPool {
  readonly #create: (descriptor: GPUBufferDescriptor) => GPUBuffer;
  readonly #isBroken: (buffer: GPUBuffer) => boolean;
  readonly #free = new Map<number, GPUBuffer[]>();
  #bytes = 0;
  #freeBytes = 0;
  #peak = 0;

  /** @param isBroken - Whether a buffer is known to have got no memory: it is not used again. */
  constructor(
    create: (descriptor: GPUBufferDescriptor) => GPUBuffer,
    isBroken: (buffer: GPUBuffer) => boolean = () => false,
  ) {
    this.#create = create;
    this.#isBroken = isBroken;
  }

  /** Of all buffers of this pool. */
  get memory(): MemoryUse {
    return { bytes: this.#bytes, peakBytes: this.#peak };
  }

  /** Forgets the peak: from here on it is what there is now, or more. */
  resetPeak(): void {
    this.#peak = this.#bytes;
  }

  /** The size that a request for `bytes` is rounded up to. */
  static sizeClass(bytes: number): number {
    if (bytes <= 256) return 256;
    const step = 2 ** Math.max(8, Math.floor(Math.log2(bytes)) - 2);
    return Math.ceil(bytes / step) * step;
  }

  /** A free buffer of the size class, or undefined. Its contents are whatever the last user left. */
  reuse(bytes: number): GPUBuffer | undefined {
    const buffer = this.#free.get(BufferPool.sizeClass(bytes))?.pop();
    if (!buffer) return undefined;
    this.#freeBytes -= buffer.size;
    if (!this.#isBroken(buffer)) return buffer;
    this.destroy(buffer);
    return this.reuse(bytes);
  }

  /** A new buffer. `exact` for what lives long and is never pooled, such as weights. */
  create(label: string, bytes: number, options: { exact?: boolean } = {}): GPUBuffer {
    const size = options.exact ? Math.max(16, Math.ceil(bytes / 4) * 4) : BufferPool.sizeClass(bytes);
    const buffer = this.#create({ label, size, usage: USAGE });
    this.#bytes += size;
    this.#peak = Math.max(this.#peak, this.#bytes);
    return buffer;
  }

  /**
   * Gives a buffer back for reuse, or destroys it where enough of them lie about. Only after every command that uses it
   * has been submitted.
   */
  release(buffer: GPUBuffer): void {
    if (this.#freeBytes + buffer.size > MOST_FREE_BYTES || this.#isBroken(buffer)) {
      this.destroy(buffer);
      return;
    }
    this.#freeBytes += buffer.size;
    const list = this.#free.get(buffer.size);
    if (list) list.push(buffer);
    else this.#free.set(buffer.size, [buffer]);
  }

  /** Frees a buffer of this pool for good. */
  destroy(buffer: GPUBuffer): void {
    this.#bytes -= buffer.size;
    buffer.destroy();
  }

  /** Destroys all free buffers. */
  trim(): void {
    for (const list of this.#free.values()) for (const buffer of list) this.destroy(buffer);
    this.#free.clear();
    this.#freeBytes = 0;
  }
}
