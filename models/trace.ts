/** Where every token of a prompt went: written down on the way through the decoder, for who asks for it. */
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import { fromOrderKey } from '../kernels/reduce/index.ts';
import type { Evidence, Look, Reduction, ReductionStep, Tokens, VideoLayout } from './reduction.ts';

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
  /** The layer after whose attention it was; -1 before layer 0. */
  readonly layer: number;
  readonly action: ReductionStep['action'];
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

/** Writes a trace. Costs one read-back for each call of the reducer that looked or shortened; no kernel is run. */
export class Tracer {
  readonly trace: Trace;
  readonly #layers: { attending: Uint32Array; leaving: Uint32Array }[] = [];
  readonly #steps: TraceStep[] = [];
  #alive: Uint32Array;
  #evidence: Evidence | undefined;

  /** @param prompt - The whole prompt, at positions 0, 1, 2, ... */
  constructor({ hidden, layout: { first, length, perFrame, text } }: Tokens) {
    const [rows] = hidden.shape2();
    this.#alive = Uint32Array.from({ length: rows }, (_, row) => row);
    this.trace = { rows, video: { first, length, perFrame, text }, layers: this.#layers, steps: this.#steps };
  }

  /** What reducers tell it, to be given to `TokenReducer.start`. */
  readonly look: Look = (evidence) => {
    this.#evidence = evidence;
  };

  /** The hooks of `run`, with what they do written down. */
  watch(run: Reduction): Reduction {
    return {
      beforeAttention: async (rec, layer, tokens) => {
        const hook = (): Hooked => run.beforeAttention?.(rec, layer, tokens);
        const left = await this.#call(rec, { run, layer: layer - 1, tokens, hook });
        this.#layers[layer] = { attending: this.#alive, leaving: this.#alive };
        return left;
      },
      afterAttention: async (rec, layer, tokens, seen) => {
        const hook = (): Hooked => run.afterAttention?.(rec, layer, tokens, seen);
        const left = await this.#call(rec, { run, layer, tokens, hook });
        const at = this.#layers[layer];
        if (at) at.leaving = this.#alive;
        return left;
      },
    };
  }

  async #call(rec: Recorder, { run, layer, tokens, hook }: Call): Promise<Tokens> {
    this.#evidence = undefined;
    const before = run.steps?.length ?? 0;
    const left = (await hook()) ?? tokens;
    const step = run.steps?.[before];
    if (step || this.#evidence || left !== tokens) {
      const at = { layer: step?.layer ?? layer, action: step?.action ?? (left === tokens ? 'none' : 'drop') };
      this.#steps.push(await this.#written(rec, at, tokens, left));
    }
    return left;
  }

  async #written(
    rec: Recorder,
    { layer, action }: Pick<TraceStep, 'layer' | 'action'>,
    { layout }: Tokens,
    left: Tokens,
  ): Promise<TraceStep> {
    const { similarity, scores, bound } = this.#evidence ?? {};
    const merges = action === 'merge' || action === 'merge-to-budget';
    const alive = this.#alive;
    const [kept = alive, planes, similarityKeys, scoreKeys] = await readTogether(rec, [
      left.layout.planes === layout.planes ? undefined : left.position,
      merges || similarity ? layout.planes : undefined,
      similarity,
      scores,
    ]);
    this.#alive = kept;
    const ranks = planes?.subarray(2 * alive.length, 2 * alive.length + layout.tokens).map((row) => alive[row]!);
    const stays = new Set(kept);
    const merged = merges && ranks ? representatives(ranks, stays) : new Map<number, number>();
    const stretch = alive.subarray(layout.first, layout.first + layout.length);
    return {
      layer,
      action,
      kept,
      merged,
      dropped: alive.filter((token) => !stays.has(token) && !merged.has(token)),
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

type Hooked = Promise<Tokens> | Tokens | undefined;

interface Call {
  readonly run: Reduction;
  readonly layer: number;
  readonly tokens: Tokens;
  readonly hook: () => Hooked;
}

/** A merged token goes into the survivor before it by rank, as the kernels have it. */
function representatives(ranks: Uint32Array, stays: ReadonlySet<number>): Map<number, number> {
  const merged = new Map<number, number>();
  let survivor: number | undefined;
  for (const token of ranks)
    if (stays.has(token)) survivor = token;
    else if (survivor !== undefined) merged.set(token, survivor);
  return merged;
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
