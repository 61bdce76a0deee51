import { InputError } from '../../engine/errors.ts';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { bytesOf, type Tensor } from '../../engine/tensor.ts';
import { add } from '../../kernels/add.ts';
import { attention } from '../../kernels/attention.ts';
import { embed } from '../../kernels/embed.ts';
import { gatedLinear, type LinearWeights, linear } from '../../kernels/linear.ts';
import { rmsNorm } from '../../kernels/norm.ts';
import { rotaryTable, splitRope } from '../../kernels/rope.ts';
import type { Weight } from '../../kernels/weight.ts';
import { KvCache, type LayerCache } from '../kv-cache.ts';
import type { Hook } from '../reducing.ts';
import type { Prompt, Tokens } from '../reduction.ts';
import type { WeightLoader } from '../weights.ts';
import type { DecoderConfig } from './config.ts';
import type { DecoderNames } from './names.ts';

/** Of the widest activations at a time. A prompt of 1,700 rows of the 7B model is one block, of 13,440 eight. */
const BLOCK_BYTES = 2 ** 28;

interface LayerWeights {
  readonly inputNorm: Tensor;
  readonly qkv: LinearWeights;
  /** `[2 * headDim]`: gains of a query head, then of a key head. */
  readonly qkNorm: Tensor | undefined;
  readonly o: LinearWeights;
  readonly postNorm: Tensor;
  readonly gateUp: LinearWeights;
  readonly down: LinearWeights;
}

interface Weights {
  readonly embedding: Weight;
  readonly layers: readonly LayerWeights[];
  readonly norm: Tensor;
  readonly head: LinearWeights;
}

/**
 * A decoder of the LLaMA kind (Touvron et al. 2023; Qwen2 and Qwen3, Yang et al. 2024, 2025; InternLM2, Cai et al. 2024):
 * grouped-query attention, rotary positions, SwiGLU. `DecoderConfig` and `DecoderNames` hold what they differ in. The residual stream,
 * norms and sums are f32; `computeDtype` is the dtype of what is multiplied.
 */
export class Decoder {
  readonly config: DecoderConfig;
  readonly computeDtype: 'f32' | 'f16';
  readonly #runtime: Runtime;
  readonly #weights: Weights;
  readonly #rotaryTables: Tensor[] = [];

  private constructor(runtime: Runtime, config: DecoderConfig, weights: Weights, computeDtype: 'f32' | 'f16') {
    this.#runtime = runtime;
    this.config = config;
    this.#weights = weights;
    this.computeDtype = computeDtype;
  }

  /** @throws WeightsError if a tensor is missing or does not fit the config. */
  static async load(
    loader: WeightLoader,
    config: DecoderConfig,
    names: DecoderNames,
    computeDtype: 'f32' | 'f16',
  ): Promise<Decoder> {
    const { hiddenSize, vocabSize } = config;
    const embedding = await loader.matrix([`${names.embedding}.weight`], [vocabSize], hiddenSize);
    const layers: LayerWeights[] = [];
    for (let i = 0; i < config.layers; i++) layers.push(await loadLayer(loader, `${names.layers}.${i}`, config, names));
    const norm = await loader.vector([`${names.norm}.weight`], [hiddenSize]);
    const head = config.tieWordEmbeddings
      ? { weight: embedding }
      : await loader.linear([names.head], [vocabSize], hiddenSize, { bias: false });
    return new Decoder(loader.runtime, config, { embedding, layers, norm, head }, computeDtype);
  }

  /** A cache for one prompt, with room for `spare` rows behind it. */
  newCache(spare: number): KvCache {
    const { layers, kvHeads, headDim } = this.config;
    return new KvCache(this.#runtime, { layers, width: kvHeads * headDim, dtype: this.computeDtype, spare });
  }

  /** Embeddings of `ids` (`[rows]`, u32): `[rows, hiddenSize]`, f32. */
  embed(rec: Recorder, ids: Tensor): Tensor {
    return embed(rec, ids, this.#weights.embedding);
  }

  /**
   * All layers, in prefill and decoding alike.
   *
   * @param tokens - In prefill the prompt, which may bring a rotary table of its own.
   * @returns The tokens that are left, before the final norm.
   * @throws The reason of an aborted `signal`, between layers.
   */
  async forward(
    rec: Recorder,
    { rotary: own, nextPosition: _, ...prompt }: Prompt,
    cache: KvCache,
    { positions, hook, signal }: ForwardOptions,
  ): Promise<Tokens> {
    const rotary = own ?? this.#rotaryTableFor(positions);
    let t: Tokens = prompt;
    if (hook) t = await rec.scope('input', () => hook(rec, 'input', t), t);
    for (const [i, weights] of this.#weights.layers.entries()) {
      signal?.throwIfAborted();
      const layer = cache.layers[i]!;
      t = await rec.scope(`layer ${i}`, () => this.#layer(rec, weights, t, { i, cache: layer, hook, rotary }), t);
    }
    return t;
  }

  /** The last row through the final norm, `[1, hiddenSize]`, dtype `computeDtype`. */
  lastNormed(rec: Recorder, { hidden }: Tokens): Tensor {
    const [rows, dim] = hidden.shape2();
    const last = rec.empty('last row', [1, dim], 'f32');
    rec.copy(hidden.rows(rows - 1, 1), last);
    return rmsNorm(rec, last, this.#weights.norm, { eps: this.config.rmsNormEps, out: this.computeDtype });
  }

  /** Scores of every vocabulary entry, `[1, vocabSize]`, f32. */
  logits(rec: Recorder, normed: Tensor): Tensor {
    return linear(rec, normed, this.#weights.head);
  }

  async #layer(rec: Recorder, w: LayerWeights, entering: Tokens, at: LayerRun): Promise<Tokens> {
    const { computeDtype, config: c } = this;
    const { i, cache, hook, rotary } = at;
    let t = entering;

    const normed = rmsNorm(rec, t.hidden, w.inputNorm, { eps: c.rmsNormEps, out: computeDtype });
    const qkv = linear(rec, normed, w.qkv, { out: computeDtype });
    const room = cache.extend(rec, t.hidden.shape2()[0]);
    const norm = w.qkNorm && { weight: w.qkNorm, eps: c.rmsNormEps };
    const q = splitRope(rec, qkv, c, { position: t.position, rotary: rotary, cache: room, order: c.headOrder, norm });
    const { k, v } = cache.filled;
    const attended = attention(rec, whole(q), whole(k), whole(v), { ...c, causal: true });
    t = { ...t, hidden: linear(rec, attended, w.o, { residual: t.hidden }) };

    const reduce = hook && ((): Promise<Tokens> => hook(rec, i, t, { entering, q, k, heads: c, cache }));
    if (reduce && !hook.afterMlp) t = await reduce();
    t = { ...t, hidden: this.#mlp(rec, w, t.hidden) };
    if (reduce && hook.afterMlp) t = await reduce();
    return t.companions ? withCompanion(rec, t, t.companions) : t;
  }

  /** In blocks of rows: its inner activations are several times as wide as the residual stream. */
  #mlp(rec: Recorder, w: LayerWeights, x: Tensor): Tensor {
    const { computeDtype, config: c } = this;
    const [rows, dim] = x.shape2();
    const y = rec.empty('hidden', [rows, dim], 'f32');
    const width = (w.gateUp.weight.parts.length > 1 ? 2 : 1) * c.intermediateSize;
    const most = blockRows(width * bytesOf.f32, this.#runtime.maxBindingBytes);
    for (let start = 0; start < rows; start += most)
      rec.scope('mlp', () => {
        const block = x.rows(start, Math.min(most, rows - start));
        const into = y.rows(start, Math.min(most, rows - start));
        const gated = gatedLinear(
          rec,
          rmsNorm(rec, block, w.postNorm, { eps: c.rmsNormEps, out: computeDtype }),
          w.gateUp.weight,
        );
        linear(rec, gated, w.down, { residual: block, into, halves: computeDtype === 'f16' });
      });
    return y;
  }

  /** Returns the rotary tables; the weights belong to their loader. */
  dispose(): void {
    for (const table of this.#rotaryTables.splice(0)) this.#runtime.free(table);
  }

  /** A rotary table of at least `positions` rows. An outgrown one may be in recorded work, so it stays too. */
  #rotaryTableFor(positions: number): Tensor {
    const last = this.#rotaryTables.at(-1);
    const have = last?.shape[0] ?? 0;
    if (last && positions <= have) return last;
    const { headDim, ropeTheta, ropeFactor, maxPositions } = this.config;
    if (positions > maxPositions)
      throw new InputError(
        `${positions} positions are more than the ${maxPositions} that the model was trained with; scaling beyond them is not built. Use fewer frames.`,
      );
    const rows = Math.max(positions, 2 * have, 1024);
    const table = rotaryTable(rows, headDim, ropeTheta, ropeFactor);
    const tensor = this.#runtime.upload('rotary', [rows, headDim], 'f32', table);
    this.#rotaryTables.push(tensor);
    return tensor;
  }
}

/** Rows of a block whose activations, `rowBytes` each, stay within what is sensible and can be bound. */
function blockRows(rowBytes: number, maxBindingBytes: number): number {
  const most = Math.floor(Math.min(BLOCK_BYTES, maxBindingBytes) / rowBytes);
  // Blocks start where any adapter can bind them: 64 f32 are 256 bytes.
  return Math.max(64, most - (most % 64));
}

/** One run through the layers. */
export interface ForwardOptions {
  /** Positions used so far, this call's included: every one in `tokens.position` is below it. */
  readonly positions: number;
  /** Called before the first layer and in each, after its attention or its MLP; in prefill. */
  readonly hook?: Hook | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface LayerRun {
  readonly i: number;
  readonly cache: LayerCache;
  readonly hook: Hook | undefined;
  readonly rotary: Tensor;
}

/** Adds the next of what travels with the tokens, as Qwen3-VL's deepstack does after each of the first layers. */
function withCompanion(rec: Recorder, { hidden, position, layout }: Tokens, companions: readonly Tensor[]): Tokens {
  const [next, ...rest] = companions;
  return {
    hidden: next ? add(rec, hidden, next) : hidden,
    position,
    layout,
    ...(rest.length > 0 && { companions: rest }),
  };
}

async function loadLayer(
  loader: WeightLoader,
  layer: string,
  c: DecoderConfig,
  names: DecoderNames,
): Promise<LayerWeights> {
  const { hiddenSize: hidden, intermediateSize: inner } = c;
  const q = c.heads * c.headDim;
  const kv = c.kvHeads * c.headDim;
  const below = (parts: readonly string[]): string[] => parts.map((part) => `${layer}.${part}`);
  const normed = (parts: readonly string[]): string[] => below(parts).map((name) => `${name}.weight`);
  const qkvRows = names.qkv.length === 1 ? [q + 2 * kv] : [q, kv, kv];
  const noBias = { bias: false };
  return {
    inputNorm: await loader.vector([`${layer}.${names.inputNorm}.weight`], [hidden]),
    qkv: await loader.linear(below(names.qkv), qkvRows, hidden, { bias: c.qkvBias }),
    qkNorm: names.qkNorm && (await loader.vector(normed(names.qkNorm), [c.headDim, c.headDim])),
    o: await loader.linear(below([names.o]), [hidden], q, noBias),
    postNorm: await loader.vector([`${layer}.${names.postNorm}.weight`], [hidden]),
    gateUp: await loader.linear(below(names.gateUp), [inner, inner], hidden, noBias),
    down: await loader.linear(below([names.down]), [hidden], inner, noBias),
  };
}

function whole(of: Tensor): { of: Tensor; column: number } {
  return { of, column: 0 };
}
