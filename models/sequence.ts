import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Decoder } from './decoder/decoder.ts';
import type { KvCache } from './kv-cache.ts';
import type { Hook } from './reducing.ts';
import type { Prompt, Tokens } from './reduction.ts';

/** How a prompt goes through the layers. */
export interface PrefillOptions {
  /** A reducer at work, and who listens to it (`reducing`). */
  readonly hook?: Hook | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A sequence in the decoder: what its layers have cached, and how it goes on. Prefill and decoding live here and nowhere
 * else. What a call returns belongs to its recorder; the cache is the sequence's own.
 */
export class Sequence {
  readonly cache: KvCache;
  readonly #decoder: Decoder;

  /** @param spare - Rows to leave room for behind the prompt; more are made when needed. */
  constructor(decoder: Decoder, { spare = 0, cache = decoder.newCache(spare) }: { spare?: number; cache?: KvCache }) {
    this.#decoder = decoder;
    this.cache = cache;
  }

  /** A whole prompt through all layers: the tokens that are left. */
  async prefill(rec: Recorder, prompt: Prompt, { hook, signal }: PrefillOptions = {}): Promise<Tokens> {
    // Positions are those of the unreduced prompt, which may have had more rows.
    const positions = prompt.nextPosition ?? prompt.hidden.shape2()[0];
    this.cache.nextPosition = positions;
    return this.#decoder.forward(rec, prompt, this.cache, { positions, hook, signal });
  }

  /**
   * Text after what is cached.
   *
   * @param ids - `[rows]`, u32.
   */
  async extend(rec: Recorder, ids: Tensor, signal?: AbortSignal): Promise<Tokens> {
    const rows = ids.size;
    const first = this.cache.nextPosition;
    this.cache.nextPosition += rows;
    const places = Uint32Array.from({ length: rows }, (_, i) => first + i);
    const position = rec.upload('position', [rows], 'u32', places);
    // `planes` of a layout without tokens is never read.
    const layout = { planes: position, tokens: 0, first: 0, length: 0, text: [], perFrame: 0, videos: [] };
    const tokens = { hidden: this.#decoder.embed(rec, ids), position, layout };
    return this.#decoder.forward(rec, tokens, this.cache, { positions: this.cache.nextPosition, signal });
  }

  /** Scores of every vocabulary entry after the last row, `[1, vocabSize]`, f32. */
  logits(rec: Recorder, tokens: Tokens): Tensor {
    return this.#decoder.logits(rec, this.#decoder.lastNormed(rec, tokens));
  }

  /** Another sequence with the same rows, copied on the GPU, and room for `spare` more. */
  fork(rec: Recorder, spare: number): Sequence {
    return new Sequence(this.#decoder, { cache: this.cache.copy(rec, spare) });
  }

  /** Gives the cache back. Only when everything that uses it has been submitted. */
  [Symbol.dispose](): void {
    this.cache.dispose();
  }
}
