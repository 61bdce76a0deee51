import type { Inputs } from './inputs.ts';
import { type ModelParts, promptOf } from './model-parts.ts';
import { VIDEO_ID } from './prompt.ts';
import { QuestionNeeded, reducing } from './reducing.ts';
import type { TokenReducer } from './reduction.ts';
import { Sequence } from './sequence.ts';
import { counting, type GenerationStats, newStats, noteUnreduced } from './stats.ts';

/** A sequence that holds what several questions have in common. */
interface Prefix {
  readonly ids: readonly number[];
  readonly sequence: Sequence;
  readonly stats: GenerationStats;
}

/** What a fork is for. */
interface ForkOptions {
  /** Rows to leave room for behind the prompt. */
  readonly spare: number;
  /** Receives what is known of the shared rows. */
  readonly stats: GenerationStats;
  readonly options: { readonly trace?: boolean; readonly listener?: unknown; readonly signal?: AbortSignal };
}

/**
 * The rows before the question, computed once for all sessions that were forked from one. They are the same for every
 * question where the model is dense, or its reducer has not looked at the question; then each session copies them.
 */
export class SharedPrefix {
  readonly #parts: ModelParts;
  readonly #reducer: TokenReducer | undefined;
  #sessions = 0;
  /** Undefined while nobody has tried; resolves to undefined where the reducer looks at the question. */
  #made: Promise<Prefix | undefined> | undefined;
  #bytes = 0;

  constructor(parts: ModelParts, reducer: TokenReducer | undefined) {
    this.#parts = parts;
    this.#reducer = reducer;
  }

  /** Of the shared keys and values. */
  get bytes(): number {
    return this.#bytes;
  }

  join(): this {
    this.#sessions++;
    return this;
  }

  /** Frees the rows when the last session has left. */
  leave(): void {
    this.#sessions--;
    if (this.#sessions > 0) return;
    const made = this.#made;
    this.#made = undefined;
    this.#bytes = 0;
    made?.then(
      (prefix) => prefix?.sequence[Symbol.dispose](),
      () => undefined,
    );
  }

  /**
   * A sequence of its own that holds the shared rows, and the ids that come after them. Undefined where nothing is shared:
   * a single session, no video, a question that begins before the video, a trace, which wants to see every layer, or a
   * reducer that looks at the question.
   */
  async fork(
    ids: readonly number[],
    inputs: Inputs,
    { spare, stats, options }: ForkOptions,
  ): Promise<{ sequence: Sequence; rest: readonly number[]; rows: number; videoTokens: number } | undefined> {
    const length = this.#lengthIn(ids);
    if (this.#sessions < 2 || length === 0 || options.trace || options.listener) return undefined;
    this.#made ??= this.#make(ids.slice(0, length), inputs, options.signal).catch((error: unknown) => {
      this.#made = undefined; // whoever asks next tries again
      throw error;
    });
    const prefix = await this.#made;
    if (!prefix || prefix.ids.some((id, i) => ids[i] !== id) || prefix.ids.length >= ids.length) return undefined;
    const { promptRows: rows, videoTokens } = prefix.stats;
    stats.steps = [...prefix.stats.steps];
    const rec = this.#parts.runtime.recorder('fork');
    const rest = ids.slice(prefix.ids.length);
    const sequence = prefix.sequence.fork(rec, rest.length + spare);
    rec.finish();
    return { sequence, rest, rows, videoTokens };
  }

  /** Ids up to the last of what is shown, and the text after it that counts as part of the video. */
  #lengthIn(ids: readonly number[]): number {
    const last = ids.lastIndexOf(VIDEO_ID);
    return last < 0 ? 0 : last + 1 + (this.#parts.spec.prompt.typedAfter ?? 0);
  }

  async #make(ids: readonly number[], inputs: Inputs, signal: AbortSignal | undefined): Promise<Prefix | undefined> {
    const { runtime, decoder } = this.#parts;
    const sequence = new Sequence(decoder, {});
    const rec = runtime.recorder('prefix');
    const stats = newStats();
    try {
      const prompt = promptOf(this.#parts, rec, ids, inputs);
      noteUnreduced(stats, prompt, inputs);
      const layers = decoder.config.layers;
      const listeners = [counting(stats)];
      const hook = reducing({ reducer: this.#reducer, layers, listeners, signal, beforeQuestion: true });
      await sequence.prefill(rec, prompt, { hook, signal });
      rec.submit();
      await rec.check();
      this.#bytes = sequence.cache.bytes;
      return { ids, sequence, stats };
    } catch (error) {
      sequence[Symbol.dispose]();
      if (error instanceof QuestionNeeded) return undefined;
      throw error;
    } finally {
      rec.finish();
    }
  }
}
