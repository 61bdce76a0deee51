import type { Recorder } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import { bytesOf, type Tensor } from '../engine/tensor.ts';
import { gatherRows, type Survivors } from '../kernels/reduce/index.ts';

interface Layer {
  k: Tensor;
  v: Tensor;
  rows: number;
}

/**
 * Keys and values of every layer, each with its own length: the number of rows that entered that layer's attention.
 * Positions run on from the unreduced prompt, so the next one is a field of its own, never a length.
 */
export class KvCache {
  /** Position of the next token. */
  nextPosition = 0;
  readonly #runtime: Runtime;
  readonly #layers: (Layer | undefined)[];
  readonly #width: number;
  readonly #dtype: 'f32' | 'f16';
  readonly #spare: number;

  /**
   * @param width - Elements of a row: key heads times head size.
   * @param spare - Rows to leave room for behind the prompt; beyond them the buffers grow.
   */
  constructor(
    runtime: Runtime,
    { layers, width, dtype, spare }: { layers: number; width: number; dtype: 'f32' | 'f16'; spare: number },
  ) {
    this.#runtime = runtime;
    this.#layers = new Array<Layer | undefined>(layers).fill(undefined);
    this.#width = width;
    this.#dtype = dtype;
    this.#spare = spare;
  }

  /** Rows of each layer. */
  get lengths(): readonly number[] {
    return this.#layers.map((layer) => layer?.rows ?? 0);
  }

  /** Bytes of the keys and values that are filled in; the buffers have room for more. */
  get filledBytes(): number {
    const rows = this.lengths.reduce((sum, length) => sum + length, 0);
    return 2 * rows * this.#width * bytesOf[this.#dtype];
  }

  /** Makes room for `rows` more in a layer: where to write them. They count as written from then on. */
  extend(rec: Recorder, index: number, rows: number): { k: Tensor; v: Tensor; offset: number } {
    const offset = this.#layers[index]?.rows ?? 0;
    const layer = this.#withRoom(rec, index, offset + rows);
    layer.rows = offset + rows;
    return { k: layer.k, v: layer.v, offset };
  }

  /** The filled rows of a layer, `[rows, width]`. */
  filled(index: number): { k: Tensor; v: Tensor } {
    const layer = this.#layers[index];
    if (!layer) throw new RangeError(`layer ${index} of the cache is empty`);
    return { k: layer.k.rows(0, layer.rows), v: layer.v.rows(0, layer.rows) };
  }

  /** Drops the rows of a layer that did not survive. */
  keepRows(rec: Recorder, index: number, survivors: Survivors, kept: number): void {
    const { k, v } = this.filled(index);
    const capacity = kept + this.#spare;
    const layer = {
      k: rec.keep(gatherRows(rec, k, survivors, capacity)),
      v: rec.keep(gatherRows(rec, v, survivors, capacity)),
      rows: kept,
    };
    this.#layers[index] = layer;
    rec.adopt(k);
    rec.adopt(v);
  }

  /** Gives all buffers back. Only when everything that uses them has been submitted. */
  dispose(): void {
    for (const layer of this.#layers.splice(0))
      if (layer) for (const { buffer } of [layer.k, layer.v]) this.#runtime.pool.release(buffer);
  }

  #withRoom(rec: Recorder, index: number, rows: number): Layer {
    const old = this.#layers[index];
    if (old && rows <= (old.k.shape[0] ?? 0)) return old;
    const shape = [rows + this.#spare, this.#width];
    const make = (label: string): Tensor => rec.keep(rec.empty(`layers.${index}.${label}`, shape, this.#dtype));
    const layer = { k: make('k cache'), v: make('v cache'), rows: old?.rows ?? 0 };
    this.#layers[index] = layer;
    if (old)
      for (const side of ['k', 'v'] as const) {
        rec.copy(old[side].rows(0, old.rows), layer[side]);
        rec.adopt(old[side]);
      }
    return layer;
  }
}
