import { WeightsError } from '../engine/errors.ts';
import type { BlockStore } from './block-store.ts';
import type { ByteSource } from './safetensors.ts';

/** Bytes asked for at once: a round trip is little beside them, and many tensors of a small model share one. */
export const BLOCK_BYTES = 8 * 2 ** 20;

/** Blocks under way at once: that which is waited for, and those behind it. */
const AHEAD = 4;

/** Blocks that are held: tensors are not read quite in the order of the file. */
const HELD = 16;

/** More than a page should hold of a file that its server cannot send in parts. */
const MAX_WHOLE_BYTES = 4 * 2 ** 30;

/** Where blocks come from. */
export interface BlockOptions {
  readonly name: string;
  /** Of the file, in bytes. */
  readonly size: number;
  /** Asks for bytes `from` .. `to`, the last one included. */
  readonly ask: (from: number, to: number) => Promise<Response | undefined>;
  /** Takes a response's body, with errors in one line. */
  readonly take: <T>(body: () => Promise<T>) => Promise<T>;
  /** What stays from visit to visit, if anything. */
  readonly store: BlockStore | undefined;
}

/**
 * A file at an address, in blocks: several tensors share a request, and blocks that will be wanted next are under way before
 * they are. A server that knows no ranges is asked once, for all.
 */
export class BlockSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #options: BlockOptions;
  /** By number, the last used last. */
  readonly #blocks = new Map<number, Promise<Uint8Array<ArrayBuffer>>>();
  #whole: Promise<Blob> | undefined;
  /** Whether the first block has come: only then it is known what the server makes of ranges. */
  #answered = false;

  constructor(options: BlockOptions) {
    this.name = options.name;
    this.size = options.size;
    this.#options = options;
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(Math.min(length, this.size - offset));
    for (let at = 0; at < bytes.length; ) {
      const index = Math.floor((offset + at) / BLOCK_BYTES);
      const block = await this.#block(index);
      const from = offset + at - index * BLOCK_BYTES;
      const part = block.subarray(from, from + bytes.length - at);
      if (part.length === 0) return bytes.slice(0, at); // a short answer: the reader reports it
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  async close(): Promise<void> {
    this.#blocks.clear();
    this.#whole = undefined;
  }

  /** A block, and those behind it under way. */
  #block(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const last = Math.min(index + (this.#answered ? AHEAD : 1), Math.ceil(this.size / BLOCK_BYTES));
    for (let next = index; next < last; next++) this.#start(next);
    const block = this.#blocks.get(index)!;
    this.#blocks.delete(index);
    this.#blocks.set(index, block);
    for (const old of this.#blocks.keys()) if (this.#blocks.size > HELD) this.#blocks.delete(old);
    return block;
  }

  #start(index: number): void {
    if (this.#blocks.has(index)) return;
    const block = this.#load(index);
    this.#blocks.set(index, block);
    // One that failed ahead of its time is asked for again, and fails then.
    block.catch(() => this.#blocks.get(index) === block && this.#blocks.delete(index));
  }

  async #load(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const from = index * BLOCK_BYTES;
    const end = Math.min(from + BLOCK_BYTES, this.size);
    const kept = await this.#options.store?.get(index);
    if (kept?.length === end - from) return kept;
    const bytes = this.#whole ? await this.#ofWhole(from, end) : await this.#fetch(from, end);
    this.#answered = true;
    if (bytes.length === end - from) await this.#options.store?.put(index, bytes);
    return bytes;
  }

  async #fetch(from: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const { ask, take } = this.#options;
    const response = await ask(from, end - 1);
    if (response?.status === 206) return new Uint8Array(await take(() => response.arrayBuffer()));
    if (response?.status !== 200 || this.size > MAX_WHOLE_BYTES) {
      await response?.body?.cancel(); // it may be all of 16 GB
      throw this.#refused(response);
    }
    this.#whole = take(() => response.blob());
    return this.#ofWhole(from, end);
  }

  async #ofWhole(from: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await (await this.#whole!).slice(from, end).arrayBuffer());
  }

  #refused(response: Response | undefined): WeightsError {
    const answer = response ? `answered ${response.status} to a range` : 'has it no more';
    return new WeightsError(`${this.name}: its server ${answer}, expected 206. Use one that serves ranges.`);
  }
}
