/** Where every token of a prompt went: written down on the way through the decoder, for who asks for it. */
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { fromOrderKey, GONE } from '../kernels/reduce/index.ts';
import {
  type Action,
  actionOf,
  type LayerEvent,
  type Listener,
  type Place,
  type Prompt,
  type ReductionStep,
  type VideoLayout,
} from './reduction.ts';

/** The way of a prompt's tokens through the layers. Tokens are named by their row in the unreduced prompt. */
export interface Trace {
  /** Rows of the unreduced prompt. */
  readonly rows: number;
  /** Where the video lies in it: from row `first`, `length` rows, of which `text` are none of it; `perFrame` for each frame. */
  readonly video: Pick<VideoLayout, 'first' | 'length' | 'perFrame' | 'text'>;
  /** For each layer the tokens in its attention, and those that leave it; ascending. */
  readonly layers: readonly { readonly attending: Uint32Array; readonly leaving: Uint32Array }[];
  /** Each call of the reducer that looked at the sequence or shortened it, in order. */
  readonly steps: readonly TraceStep[];
}

/** What one call of a reducer did. */
export interface TraceStep {
  readonly at: Place;
  readonly action: Action;
  /** The tokens that are left, ascending. */
  readonly kept: Uint32Array;
  /** Merged tokens, each with the survivor of this call that stands for it from now on. */
  readonly merged: ReadonlyMap<number, number>;
  /** Removed tokens that nobody stands for, ascending. */
  readonly dropped: Uint32Array;
  /**
   * Cosine similarity to the token before it at the same place of the frame, -2 for the first of a place, NaN for zero
   * vectors. `cut` is the least that was merged, `bound` the similarity from which tokens may be.
   */
  readonly similarity?: Scores & { readonly bound?: number };
  /** Attention of the last row to the tokens that could be pruned, the mean over its heads. `cut` is the least kept. */
  readonly attention?: Scores;
}

/** A number for each of some tokens, and where the choice was cut; absent if nothing was chosen. */
export interface Scores {
  readonly tokens: Uint32Array;
  readonly values: Float32Array;
  readonly cut?: number;
}

/** Writes a trace: a listener. Costs one read-back for each decision; no kernel is run. */
export class Tracer {
  readonly trace: Trace;
  readonly #layers: { attending: Uint32Array; leaving: Uint32Array }[] = [];
  readonly #steps: TraceStep[] = [];
  #alive: Uint32Array;

  /**
   * @param prompt - The whole prompt.
   * @param before - What a reducer did to the video before the question.
   */
  constructor({ hidden, layout, unreduced }: Prompt, before?: ReductionStep) {
    const { first, length, perFrame, text } = unreduced ?? layout;
    const [left] = hidden.shape2();
    const rows = unreduced?.rows ?? left;
    this.#alive = unreduced?.alive ?? Uint32Array.from({ length: rows }, (_, row) => row);
    this.trace = { rows, video: { first, length, perFrame, text }, layers: this.#layers, steps: this.#steps };
    if (!unreduced) return;
    const kept = this.#alive.toSorted();
    const there = new Set(kept);
    const dropped = Uint32Array.from({ length: rows }, (_, row) => row).filter((row) => !there.has(row));
    this.#steps.push({ at: 'encoded', action: before?.action ?? 'drop', kept, merged: new Map(), dropped });
  }

  readonly listen: Listener = async (event) => {
    const attending = this.#alive;
    if (event.decision) this.#steps.push(await this.#step(event));
    if (typeof event.at === 'number')
      this.#layers[event.at] = { attending: attending.toSorted(), leaving: this.#alive.toSorted() };
  };

  async #step(event: LayerEvent): Promise<TraceStep> {
    const { rec, at, before, into, decision } = event;
    const { layout } = before;
    const { similarity, scores, bound } = decision?.evidence ?? {};
    const alive = this.#alive;
    const [assigned, planes, similarityKeys, scoreKeys] = await readTogether(rec, [
      into,
      similarity && layout.planes,
      similarity,
      scores,
    ]);
    const { kept, merged, dropped } = fates(alive, assigned);
    this.#alive = kept;
    const ranks = planes?.subarray(2 * alive.length, 2 * alive.length + layout.tokens).map((row) => alive[row]!);
    const stretch = alive.subarray(layout.first, layout.first + layout.length);
    const stays = new Set(kept);
    return {
      at,
      action: actionOf(event),
      kept: kept.toSorted(),
      merged,
      dropped,
      ...(similarityKeys &&
        ranks && {
          similarity: {
            ...scored(ranks, similarityKeys, (token) => merged.has(token)),
            ...(bound !== undefined && { bound }),
          },
        }),
      ...(scoreKeys && { attention: scored(stretch, scoreKeys, (token) => stays.has(token)) }),
    };
  }
}

/** What an assignment of rows means for the tokens that they are. */
function fates(alive: Uint32Array, into: Uint32Array | undefined): Pick<TraceStep, 'kept' | 'merged' | 'dropped'> {
  const merged = new Map<number, number>();
  if (!into) return { kept: alive, merged, dropped: new Uint32Array(0) };
  for (const [row, to] of into.entries()) if (to !== row && to !== GONE) merged.set(alive[row]!, alive[to]!);
  return {
    kept: alive.filter((_, row) => into[row] === row),
    merged,
    dropped: alive.filter((_, row) => into[row] === GONE),
  };
}

function scored(tokens: Uint32Array, keys: Uint32Array, chosen: (token: number) => boolean): Scores {
  const values = Float32Array.from(keys, fromOrderKey);
  let cut = Number.POSITIVE_INFINITY;
  // NaN, which the choice takes for the largest, is less than nothing here.
  for (const [i, token] of tokens.entries()) if (values[i]! < cut && chosen(token)) cut = values[i]!;
  return { tokens, values, ...(cut < Number.POSITIVE_INFINITY && { cut }) };
}

/** The contents of several u32 tensors in one read-back. */
async function readTogether(
  rec: Recorder,
  tensors: readonly (Tensor | undefined)[],
): Promise<(Uint32Array | undefined)[]> {
  const size = tensors.reduce((sum, tensor) => sum + (tensor?.size ?? 0), 0);
  if (size === 0) return [];
  const all = rec.empty('trace', [size], 'u32');
  let end = 0;
  const places = tensors.map((tensor) => {
    if (!tensor) return undefined;
    rec.copy(tensor, all.rows(end, tensor.size));
    end += tensor.size;
    return [end - tensor.size, end] as const;
  });
  const words = (await rec.read(all)) as Uint32Array;
  return places.map((place) => place && words.slice(...place));
}
