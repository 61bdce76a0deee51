import type { Recorder } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import { bytesOf, type Tensor } from '../engine/tensor.ts';
import { compactRows, type Survivors } from '../kernels/reduce/index.ts';

/** What all layers' caches have in common. */
interface CacheFormat {
  /** Elements of a row: key heads times head size. */
  readonly width: number;
  readonly dtype: 'f32' | 'f16';
  /** Rows to leave room for when a buffer is made; beyond them it grows. */
  readonly spare: number;
}

/** Keys and values of one layer. */
export class LayerCache {
  /** Rows that are filled in. */
  rows = 0;
  readonly #label: string;
  readonly #format: CacheFormat;
  #buffers: { readonly k: Tensor; readonly v: Tensor } | undefined;

  constructor(label: string, format: CacheFormat) {
    this.#label = label;
    this.#format = format;
  }

  /** Makes room for `rows` more: where to write them. They count as written from then on. */
  extend(rec: Recorder, rows: number): { k: Tensor; v: Tensor; offset: number } {
    const offset = this.rows;
    const { k, v } = this.#withRoom(rec, offset + rows);
    this.rows = offset + rows;
    return { k, v, offset };
  }

  /** The filled rows, `[rows, width]`. */
  get filled(): { k: Tensor; v: Tensor } {
    if (!this.#buffers) throw new RangeError(`${this.#label}: the cache is empty`);
    const { k, v } = this.#buffers;
    return { k: k.rows(0, this.rows), v: v.rows(0, this.rows) };
  }

  /** Drops the rows that did not survive. */
  keepRows(rec: Recorder, survivors: Survivors): void {
    const { k, v } = this.filled;
    const options = { merge: false, room: survivors.kept + this.#format.spare };
    this.#buffers = {
      k: rec.keep(compactRows(rec, k, survivors, options)),
      v: rec.keep(compactRows(rec, v, survivors, options)),
    };
    this.rows = survivors.kept;
    rec.adopt(k);
    rec.adopt(v);
  }

  /** Bytes of its buffers. */
  get bytes(): number {
    return Object.values(this.#buffers ?? {}).reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Another cache with the same rows, copied. */
  copy(rec: Recorder, format: CacheFormat): LayerCache {
    const copied = new LayerCache(this.#label, format);
    if (this.rows > 0) {
      const { k, v } = copied.extend(rec, this.rows);
      rec.copy(this.filled.k, k);
      rec.copy(this.filled.v, v);
    }
    return copied;
  }

  /** Gives the buffers back. Only when everything that uses them has been submitted. */
  dispose(runtime: Runtime): void {
    for (const { buffer } of Object.values(this.#buffers ?? {})) runtime.pool.release(buffer);
    this.#buffers = undefined;
    this.rows = 0;
  }

  #withRoom(rec: Recorder, rows: number): { readonly k: Tensor; readonly v: Tensor } {
    const old = this.#buffers;
    if (old && rows <= (old.k.shape[0] ?? 0)) return old;
    const shape = [rows + this.#format.spare, this.#format.width];
    const make = (side: string): Tensor =>
      rec.keep(rec.empty(`${this.#label}.${side} cache`, shape, this.#format.dtype));
    const buffers = { k: make('k'), v: make('v') };
    if (old)
      for (const side of ['k', 'v'] as const) {
        rec.copy(old[side].rows(0, this.rows), buffers[side]);
        rec.adopt(old[side]);
      }
    this.#buffers = buffers;
    return buffers;
  }
}

/**
 * Keys and values of every layer, each with its own length: the number of rows that entered that layer's attention.
 * Positions run on from the unreduced prompt, so the next one is a field of its own, never a length.
 */
export class KvCache {
  /** Position of the next token. */
  nextPosition = 0;
  readonly layers: readonly LayerCache[];
  readonly #runtime: Runtime;
  readonly #format: CacheFormat;

  /**
   * @param options - `width`: elements of a row, key heads times head size; `spare`: rows to leave room for behind the
   *   prompt, beyond which the buffers grow.
   */
  constructor(
    runtime: Runtime,
    { layers, ...format }: CacheFormat & { readonly layers: number | readonly LayerCache[] },
  ) {
    this.#runtime = runtime;
    this.#format = format;
    this.layers =
      typeof layers === 'number'
        ? Array.from({ length: layers }, (_, i) => new LayerCache(`layers.${i}`, format))
        : layers;
  }

  /** Rows of each layer. */
  get lengths(): readonly number[] {
    return this.layers.map(({ rows }) => rows);
  }

  /** Bytes of the keys and values that are filled in; the buffers have room for more. */
  get filledBytes(): number {
    const rows = this.lengths.reduce((sum, length) => sum + length, 0);
    return 2 * rows * this.#format.width * bytesOf[this.#format.dtype];
  }

  /** Bytes of all buffers. */
  get bytes(): number {
    return this.layers.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Forgets the last `rows` rows of every layer, and their positions. */
  drop(rows: number): void {
    for (const layer of this.layers) layer.rows -= rows;
    this.nextPosition -= rows;
  }

  /** Another cache with the same rows, copied, and room for `spare` more. */
  copy(rec: Recorder, spare: number): KvCache {
    const format = { ...this.#format, spare };
    const copied = new KvCache(this.#runtime, {
      ...format,
      layers: this.layers.map((layer) => layer.copy(rec, format)),
    });
    copied.nextPosition = this.nextPosition;
    return copied;
  }

  /** Gives all buffers back. Only when everything that uses them has been submitted. */
  dispose(): void {
    for (const layer of this.layers) layer.dispose(this.#runtime);
  }
}
