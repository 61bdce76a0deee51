import { InputError } from '../engine/errors.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { Tensor } from '../engine/tensor.ts';
import { argmax, sample } from '../kernels/sampling.ts';
import type { Decoder } from './decoder/decoder.ts';
import type { KvCache } from './kv-cache.ts';
import { randomNumbers } from './random.ts';
import type { Prompt, Reduction, ReductionStep, TokenReducer, Tokens } from './reduction.ts';
import { type Trace, Tracer } from './trace.ts';

/** How an answer is written. */
export interface GenerateOptions {
  /** Ids generated at most; default 256. */
  readonly maxNewTokens?: number;
  /** 0, the default, takes the most probable id; above 0 draws. */
  readonly temperature?: number;
  /** In (0, 1]; default 1. The share of probability that drawing keeps. */
  readonly topP?: number;
  /** Of the draws; default 0. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** Writes down where every token went (`stats.trace`); default false. Costs a read-back for each reduction. */
  readonly trace?: boolean;
  /** Called when the first id is there: prefill is over. */
  readonly started?: () => void;
}

/** Rows of the sequence at one layer. */
export interface LayerRows {
  /** Entering the layer. */
  entering: number;
  /** In its attention, which is also what its cache holds. */
  attending: number;
  /** Leaving it, as in its MLP. */
  leaving: number;
}

/** What a generation did; complete when its last token is out. */
export interface GenerationStats {
  promptRows: number;
  videoTokens: number;
  layers: LayerRows[];
  steps: readonly ReductionStep[];
  generated: number;
  /** What was generated. */
  ids: number[];
  /** From the start to the first token. */
  prefillSeconds: number;
  /** From the first token to the last. */
  decodeSeconds: number;
  /** Of the prompt's keys and values in all layers. */
  cacheBytes: number;
  /** Where every token went; only if it was asked for. */
  trace?: Trace;
}

/** A decoder's prompt and how it ends. */
export interface GenerateRequest extends GenerateOptions {
  readonly decoder: Decoder;
  readonly runtime: Runtime;
  readonly reducer: TokenReducer | undefined;
  /** Builds the prompt; its tensors belong to the recorder. */
  readonly prompt: (rec: Recorder) => Prompt;
  /** Ids that end the answer; they are not given out. */
  readonly stopIds: ReadonlySet<number>;
}

/** Steps recorded ahead of the last id that the host has seen: the GPU does not wait for the host. */
const AHEAD = 2;

/** Throws an `InputError` that names the option unless all are within what `GenerateOptions` says. */
export function checkGenerateOptions({ maxNewTokens = 1, temperature = 0, topP = 1 }: GenerateOptions): void {
  if (!(Number.isSafeInteger(maxNewTokens) && maxNewTokens >= 0))
    throw new InputError(`maxNewTokens must be a whole number, got ${maxNewTokens}.`);
  if (!(temperature >= 0 && temperature < Number.POSITIVE_INFINITY))
    throw new InputError(`temperature must be 0 or above, got ${temperature}.`);
  if (!(topP > 0 && topP <= 1)) throw new InputError(`topP must be above 0 and at most 1, got ${topP}.`);
}

/** Empty stats, to be filled by `generate`. */
export function newStats(): GenerationStats {
  return {
    promptRows: 0,
    videoTokens: 0,
    layers: [],
    steps: [],
    generated: 0,
    ids: [],
    prefillSeconds: 0,
    decodeSeconds: 0,
    cacheBytes: 0,
  };
}

/**
 * Generates ids one by one. Each stays on the GPU and feeds the next step; the host reads it a few steps later and
 * stops at an end id.
 *
 * @param stats - Filled on the way.
 * @throws InputError if an option is outside what is allowed, or the reducer cannot meet its budget.
 */
export async function* generate(request: GenerateRequest, stats: GenerationStats): AsyncGenerator<number> {
  checkGenerateOptions(request);
  const { maxNewTokens = 256, stopIds, signal } = request;
  const started = performance.now();
  const pending: Pending[] = [];
  const decoding = new Decoding(request, maxNewTokens);
  let firstAt = started;
  try {
    pending.push(await decoding.prefill(stats));
    for (let given = 0; given < maxNewTokens; given++) {
      signal?.throwIfAborted();
      // The first id is awaited alone: prefill time is then what a user waits, and errors of prefill surface here.
      const ahead = given === 0 ? 1 : 1 + AHEAD;
      while (pending.length < ahead && given + pending.length < maxNewTokens) pending.push(await decoding.step());
      const id = await pending.shift()?.id;
      if (given === 0) {
        firstAt = performance.now();
        stats.prefillSeconds = (firstAt - started) / 1000;
        request.started?.();
      }
      if (id === undefined || stopIds.has(id)) return;
      stats.generated++;
      stats.ids.push(id);
      stats.decodeSeconds = (performance.now() - firstAt) / 1000;
      yield id;
    }
  } finally {
    await Promise.allSettled(pending.map(({ id }) => id));
    decoding.dispose();
  }
}

/** An id on its way from the GPU. Boxed, because `await` would otherwise wait for it. */
interface Pending {
  readonly id: Promise<number>;
}

/** One prompt being decoded: its cache, and the last id as it lies on the GPU. */
class Decoding {
  readonly #request: GenerateRequest;
  readonly #cache: KvCache;
  readonly #random: () => number;
  #token: Tensor | undefined;

  constructor(request: GenerateRequest, maxNewTokens: number) {
    this.#request = request;
    this.#cache = request.decoder.newCache(maxNewTokens);
    this.#random = randomNumbers(request.seed ?? 0);
  }

  /** The prompt through all layers; resolves when the work is submitted. */
  prefill(stats: GenerationStats): Promise<Pending> {
    const { decoder, reducer, prompt, trace } = this.#request;
    return this.#recorded('prefill', async (rec) => {
      const tokens = prompt(rec);
      const [rows] = tokens.hidden.shape2();
      stats.promptRows = rows;
      stats.videoTokens = tokens.layout.tokens;
      const tracer = trace ? new Tracer(tokens) : undefined;
      if (tracer) stats.trace = tracer.trace;
      const run = reducer?.start(tokens, decoder.config.layers, tracer?.look) ?? {};
      this.#cache.nextPosition = tokens.nextPosition ?? rows;
      const options = { positions: rows, run: counted(tracer?.watch(run) ?? run, stats.layers) };
      const left = await decoder.forward(rec, tokens, this.#cache, options);
      stats.steps = run.steps ?? [];
      stats.cacheBytes = this.#cache.filledBytes;
      return left;
    });
  }

  /** One id further; resolves as `prefill`. */
  step(): Promise<Pending> {
    const { decoder } = this.#request;
    return this.#recorded('decode', (rec) => {
      const ids = this.#token;
      if (!ids) throw new Error('step before prefill');
      this.#token = undefined;
      rec.adopt(ids);
      const position = rec.upload('position', [1], 'u32', Uint32Array.of(this.#cache.nextPosition++));
      const tokens = { hidden: decoder.embed(rec, ids), position, layout: noVideo(position) };
      return decoder.forward(rec, tokens, this.#cache, { positions: this.#cache.nextPosition });
    });
  }

  dispose(): void {
    if (this.#token) this.#request.runtime.pool.release(this.#token.buffer);
    this.#cache.dispose();
  }

  /** Records a pass through the layers and the choice of an id after it. Gives everything back, also on errors. */
  async #recorded(label: string, body: (rec: Recorder) => Promise<Tokens>): Promise<Pending> {
    const rec = this.#request.runtime.recorder(label);
    try {
      const left = await body(rec);
      this.#token = rec.keep(this.#choose(rec, left));
      const id = rec.read(this.#token).then(([value]) => value ?? 0);
      id.catch(() => undefined); // awaited later: not an unhandled rejection until then
      return { id };
    } finally {
      rec.finish();
    }
  }

  #choose(rec: Recorder, left: Tokens): Tensor {
    const { decoder, temperature = 0, topP = 1 } = this.#request;
    const logits = decoder.logits(rec, decoder.lastNormed(rec, left));
    return temperature > 0 ? sample(rec, logits, { temperature, topP, random: this.#random() }) : argmax(rec, logits);
  }
}

/** The layout of rows that are no video; `planes` is never read. */
function noVideo(planes: Tensor): Tokens['layout'] {
  return { planes, tokens: 0, first: 0, length: 0, text: [], perFrame: 0 };
}

/** The hooks of `run`, with the rows of every layer written down. */
function counted(run: Reduction, layers: LayerRows[]): Reduction {
  const rowsOf = ({ hidden }: Tokens): number => hidden.shape2()[0];
  return {
    beforeAttention: async (rec, layer, tokens) => {
      const next = (await run.beforeAttention?.(rec, layer, tokens)) ?? tokens;
      layers[layer] = { entering: rowsOf(tokens), attending: rowsOf(next), leaving: rowsOf(next) };
      return next;
    },
    afterAttention: async (rec, layer, tokens, seen) => {
      const next = (await run.afterAttention?.(rec, layer, tokens, seen)) ?? tokens;
      const rows = layers[layer];
      if (rows) rows.leaving = rowsOf(next);
      return next;
    },
  };
}
