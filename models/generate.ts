import { InputError } from '../engine/errors.ts';
import { requireObject } from '../engine/misuse.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { Tensor } from '../engine/tensor.ts';
import { shownValue } from '../engine/text.ts';
import { argmax, penalise, sample } from '../kernels/sampling.ts';
import { abortable } from './abort.ts';
import { randomNumbers } from './random.ts';
import type { Tokens } from './reduction.ts';
import type { Sequence } from './sequence.ts';

/** How an answer is written. */
export interface GenerateOptions {
  /** Ids generated at most; default 256. */
  readonly maxNewTokens?: number;
  /** 0, the default, takes the most probable id; above 0 draws. */
  readonly temperature?: number;
  /** In (0, 1]: the share of probability that drawing keeps. Default the checkpoint's (generation_config.json), else 1. */
  readonly topP?: number;
  /** How many of the most probable ids drawing keeps, 0 for all. Default the checkpoint's, else 0. */
  readonly topK?: number;
  /** In [0, 1]: the least share of the largest probability that drawing keeps. Default the checkpoint's, else 0. */
  readonly minP?: number;
  /**
   * Above 0: what scores of ids that have come are divided by where positive, multiplied by where not; also where nothing is
   * drawn. 1 is none. Default the checkpoint's, else 1.
   */
  readonly repetitionPenalty?: number;
  /** Of the draws; default 0. */
  readonly seed?: number;
  /** Ends the answer, also during prefill; iterating then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told of each id as it comes, before its text. */
  readonly token?: (id: number) => void;
  /**
   * Told of each id as `token`, with the scores of every vocabulary entry at its place, `[vocabSize]`, before temperature and
   * penalty. Costs a read-back for each id.
   */
  readonly scores?: (id: number, scores: Float32Array) => void;
}

/** An answer to be generated after what a sequence holds. */
export interface GenerateRequest extends Omit<GenerateOptions, 'token' | 'scores'> {
  readonly runtime: Runtime;
  readonly sequence: Sequence;
  /** Takes the sequence to where the answer starts: a prefill, or the next turn. */
  readonly open: (rec: Recorder) => Promise<Tokens>;
  /** Ids that end the answer; they are not given out. */
  readonly stopIds: ReadonlySet<number>;
  /** Given the scores of the first id before it is given out; it may throw. */
  readonly inspect?: ((scores: Float32Array) => Promise<void>) | undefined;
  /** Ids that count as come for the repetition penalty, besides those that are generated. */
  readonly seen?: readonly number[];
  /** Whether each id comes with the scores of its place; default false. */
  readonly withScores?: boolean;
}

/** An id as it comes from the GPU. */
export interface GeneratedId {
  readonly id: number;
  /** Whether it ends the answer, and so is no part of it. */
  readonly stop: boolean;
  /** From the start to the first id. */
  readonly prefillSeconds: number;
  /** From the first id to this one. */
  readonly decodeSeconds: number;
  /** `[vocabSize]`, before temperature and penalty; with `withScores`. */
  readonly scores?: Float32Array;
}

/** Throws an `InputError` that names the option unless all are within what `GenerateOptions` says. */
export function checkGenerateOptions(options: GenerateOptions): void {
  requireObject('ask', 'options: { maxNewTokens, ... }', options);
  const { maxNewTokens = 1, temperature = 0, topP = 1, topK = 0, minP = 0, repetitionPenalty = 1 } = options;
  if (!(Number.isSafeInteger(maxNewTokens) && maxNewTokens >= 0))
    throw new InputError(`maxNewTokens must be a whole number, got ${shownValue(maxNewTokens)}.`);
  if (!(Number.isFinite(temperature) && temperature >= 0))
    throw new InputError(`temperature must be 0 or above, got ${shownValue(temperature)}.`);
  if (!(Number.isFinite(topP) && topP > 0 && topP <= 1))
    throw new InputError(`topP must be above 0 and at most 1, got ${shownValue(topP)}.`);
  if (!(Number.isSafeInteger(topK) && topK >= 0 && topK < 2 ** 32))
    throw new InputError(`topK must be a whole number from 0 on, got ${shownValue(topK)}.`);
  if (!(Number.isFinite(minP) && minP >= 0 && minP <= 1))
    throw new InputError(`minP must be from 0 to 1, got ${shownValue(minP)}.`);
  if (!(Number.isFinite(repetitionPenalty) && repetitionPenalty > 0))
    throw new InputError(`repetitionPenalty must be above 0, got ${shownValue(repetitionPenalty)}.`);
}

/**
 * Generates ids one by one. Each stays on the GPU and feeds the next step; the host reads it a few steps later. One that ends
 * the answer is the last. However it ends, the sequence then holds what was opened and the ids that were given out, but for
 * the last one where nothing has followed it yet.
 *
 * @throws InputError if an option is outside what is allowed, or the reducer cannot meet its budget.
 */
export async function* generate(request: GenerateRequest): AsyncGenerator<GeneratedId> {
  checkGenerateOptions(request);
  const { maxNewTokens = 256, stopIds, signal } = request;
  const started = performance.now();
  const pending: Pending[] = [];
  const steps = new Steps(request);
  let firstAt = started;
  let given = 0;
  try {
    pending.push(await steps.first());
    while (given < maxNewTokens) {
      signal?.throwIfAborted();
      // The first id is awaited alone: prefill time is then what a user waits, and errors of prefill surface here.
      const ahead = given === 0 ? 1 : 1 + request.runtime.traits.stepsAhead;
      while (pending.length < ahead && given + pending.length < maxNewTokens) pending.push(await steps.next());
      const { id: coming, scores } = pending[0]!;
      const id = await abortable(coming, signal);
      pending.shift();
      const values = await scores;
      if (values && given === 0) await request.inspect?.(values);
      const now = performance.now();
      if (given === 0) firstAt = now;
      const stop = stopIds.has(id);
      if (!stop) given++;
      yield {
        id,
        stop,
        prefillSeconds: (firstAt - started) / 1000,
        decodeSeconds: (now - firstAt) / 1000,
        ...(values && request.withScores && { scores: values }),
      };
      if (stop) return;
    }
  } finally {
    await Promise.allSettled(pending.map(({ id }) => id));
    steps.end(given);
  }
}

/** An id on its way from the GPU. Boxed, because `await` would otherwise wait for it. */
interface Pending {
  readonly id: Promise<number>;
  /** Where somebody looks at them. */
  readonly scores?: Promise<Float32Array>;
}

/** The passes of one answer, and the last id as it lies on the GPU. */
class Steps {
  /** Generated ids that the sequence holds. */
  #held = 0;
  readonly #request: GenerateRequest;
  readonly #random: () => number;
  #token: Tensor | undefined;
  /** `[vocabSize]`, u32: 1 for ids that count for the repetition penalty. */
  #seen: Tensor | undefined;

  constructor(request: GenerateRequest) {
    this.#request = request;
    this.#random = randomNumbers(request.seed ?? 0);
  }

  /** Opens the sequence; resolves when the work is submitted. */
  first(): Promise<Pending> {
    return this.#recorded('prefill', this.#request.open, this.#request.inspect !== undefined || this.#watched);
  }

  /** One id further; resolves as `first`. */
  next(): Promise<Pending> {
    const body = (rec: Recorder, last: Tensor | undefined): Promise<Tokens> => {
      this.#held++;
      return this.#request.sequence.extend(rec, last!);
    };
    return this.#recorded('decode', body, this.#watched);
  }

  get #watched(): boolean {
    return this.#request.withScores === true;
  }

  /** Takes the steps back that ran ahead of the `given` ids, and frees the last id. */
  end(given: number): void {
    for (const tensor of [this.#token, this.#seen]) if (tensor) this.#request.runtime.pool.release(tensor.buffer);
    [this.#token, this.#seen] = [undefined, undefined];
    const ahead = Math.max(0, this.#held - given);
    this.#request.sequence.cache.drop(ahead);
    this.#held -= ahead;
  }

  /** Records a pass through the layers and the choice of an id after it. Gives everything back, also on errors. */
  async #recorded(
    label: string,
    body: (rec: Recorder, last: Tensor | undefined) => Promise<Tokens>,
    inspected: boolean,
  ): Promise<Pending> {
    const { runtime, sequence } = this.#request;
    const rec = runtime.recorder(label);
    const [last, seen] = [this.#token, this.#seen];
    [this.#token, this.#seen] = [undefined, undefined];
    for (const tensor of [last, seen]) if (tensor) rec.adopt(tensor);
    try {
      const left = await body(rec, last);
      const raw = sequence.logits(rec, left);
      const scores = inspected ? (rec.read(raw) as Promise<Float32Array>) : undefined;
      scores?.catch(() => undefined);
      const logits = this.#penalised(rec, raw, { last, seen });
      this.#token = rec.keep(this.#choose(rec, logits));
      const id = rec.read(this.#token).then(([value]) => value ?? 0);
      id.catch(() => undefined); // awaited later: not an unhandled rejection until then
      return { id, ...(scores && { scores }) };
    } finally {
      rec.finish();
    }
  }

  /** With less for ids that have come, if that is asked for. */
  #penalised(
    rec: Recorder,
    logits: Tensor,
    { last, seen }: { readonly last: Tensor | undefined; readonly seen: Tensor | undefined },
  ): Tensor {
    const { repetitionPenalty: penalty = 1, seen: ids = [] } = this.#request;
    if (penalty === 1) return logits;
    const vocabulary = logits.size;
    const flags = (): Uint32Array => {
      const table = new Uint32Array(vocabulary);
      for (const id of ids) if (id >= 0 && id < vocabulary) table[id] = 1;
      return table;
    };
    const table = seen ?? rec.upload('seen', [vocabulary], 'u32', flags());
    const token = last ?? rec.upload('no token', [1], 'u32', Uint32Array.of(vocabulary));
    this.#seen = rec.keep(table);
    return penalise(rec, logits, { penalty, token, seen: table });
  }

  #choose(rec: Recorder, logits: Tensor): Tensor {
    const { temperature = 0, topP = 1, topK = 0, minP = 0 } = this.#request;
    if (temperature === 0) return argmax(rec, logits);
    return sample(rec, logits, { temperature, topP, topK, minP, random: this.#random() });
  }
}
