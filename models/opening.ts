/** How a sequence comes to where an answer starts, and where the conversation stands when it has ended. */
import type { Recorder } from '../engine/recorder.ts';
import type { AskOptions } from './answer.ts';
import { type Inputs, videosOf } from './inputs.ts';
import { type ModelParts, promptOf } from './model-parts.ts';
import { reducing } from './reducing.ts';
import type { TokenReducer, Tokens } from './reduction.ts';
import { Sequence } from './sequence.ts';
import { counting, type GenerationStats, noteUnreduced } from './stats.ts';
import type { Conversation, PromptText, SpokenPrompt } from './text.ts';
import { Tracer } from './trace.ts';

/** Where a conversation stands in the decoder after an answer. */
export interface Standing {
  readonly sequence: Sequence;
  /** The prompt's text that was answered. */
  readonly text: string;
  /** Ids of the answer that the sequence does not hold. */
  readonly unheld: readonly number[];
  /** Rows of the unreduced sequence that it stands for, and how many of them are video tokens. */
  readonly rows: number;
  readonly videoTokens: number;
}

/** Room that is left behind a prompt at first: caches grow, and an answer may be shorter than is allowed. */
const MOST_SPARE = 1024;

/** Options with the number of ids that the context has room for. */
export type Bounded = AskOptions & { readonly maxNewTokens: number };

/** Rows that an answer needs behind its prompt, or enough of them. */
export function spareFor({ maxNewTokens }: Bounded): number {
  return Math.min(maxNewTokens, MOST_SPARE);
}

/** The prompt of a conversation's first question, and the ids of all that was said after it. */
export interface FirstAsked {
  readonly ids: readonly number[];
  readonly later: readonly number[];
}

/** Undefined where nothing was said yet, or the template rewrites what was. */
export function firstAsked(text: PromptText, conversation: Conversation): FirstAsked | undefined {
  const { turns } = conversation;
  if (turns.length === 0) return undefined;
  const questions = [...turns.map(({ question }) => question), conversation.question];
  const first = text.prompt({ ...conversation, turns: [], question: questions[0]! });
  let before = first.text;
  const later: number[] = [];
  for (const [i, { answer }] of turns.entries()) {
    const next = text.continuation(before, {
      ...conversation,
      turns: turns.slice(0, i + 1),
      question: questions[i + 1]!,
    });
    if (!next.rest) return undefined;
    later.push(...text.tokenizer.encodeStretches([{ text: answer, plain: true }]), ...next.rest);
    before = next.text;
  }
  return { ids: first.ids, later };
}

/** What a whole prompt is made of, and for whom. */
export interface WholePrompt {
  readonly parts: ModelParts;
  readonly reducer: TokenReducer | undefined;
  readonly inputs: Inputs;
  readonly prompt: SpokenPrompt;
  /** Default: the prompt is the first of its conversation. */
  readonly first?: FirstAsked | undefined;
}

/** A prompt through the decoder, and what was said after it. */
export function wholePrompt(
  { parts, reducer, inputs, prompt, first = { ids: prompt.ids, later: [] } }: WholePrompt,
  options: Bounded,
  stats: GenerationStats,
): Opening {
  const { decoder } = parts;
  const { signal, trace, listener } = options;
  const sequence = new Sequence(decoder, { spare: spareFor(options) });
  const open = async (rec: Recorder): Promise<Tokens> => {
    const tokens = promptOf(parts, rec, first.ids, inputs);
    noteUnreduced(stats, tokens, inputs);
    const tracer = trace ? new Tracer(tokens, videosOf(inputs)[0]?.kept?.step) : undefined;
    if (tracer) stats.trace = tracer.trace;
    const listeners = [counting(stats), ...(tracer ? [tracer.listen] : []), ...(listener ? [listener] : [])];
    const hook = reducing({ reducer, layers: decoder.config.layers, listeners, signal });
    const left = await sequence.prefill(rec, tokens, { hook, signal });
    return first.later.length === 0 ? left : extended(rec, sequence, first.later, options, stats);
  };
  return new Opening({ sequence, prompt, open }, options, stats);
}

/** New text after what a sequence holds. */
export function extension(
  { sequence, rows, videoTokens }: Pick<Standing, 'sequence' | 'rows' | 'videoTokens'>,
  { prompt, ids }: { readonly prompt: SpokenPrompt; readonly ids: readonly number[] },
  options: Bounded,
  stats: GenerationStats,
): Opening {
  const open = (rec: Recorder): Promise<Tokens> => {
    stats.reusedRows = rows;
    stats.promptRows = rows;
    stats.videoTokens = videoTokens;
    return extended(rec, sequence, ids, options, stats);
  };
  return new Opening({ sequence, prompt, open }, options, stats);
}

/** Ids after what a sequence holds, through the decoder. */
async function extended(
  rec: Recorder,
  sequence: Sequence,
  ids: readonly number[],
  { signal }: AskOptions,
  stats: GenerationStats,
): Promise<Tokens> {
  stats.promptRows += ids.length;
  const before = sequence.cache.lengths;
  const left = await sequence.extend(rec, rec.upload('ids', [ids.length], 'u32', Uint32Array.from(ids)), signal);
  stats.layers = before.map((held) => {
    const attending = held + ids.length;
    return { entering: attending, attending, leaving: attending };
  });
  return left;
}

/** A sequence on its way to an answer. */
export class Opening {
  readonly sequence: Sequence;
  readonly prompt: SpokenPrompt;
  /** Ids that the answer may have. */
  readonly maxNewTokens: number;
  failed = false;
  readonly #stats: GenerationStats;
  readonly #open: (rec: Recorder) => Promise<Tokens>;
  #answerAt: number | undefined;

  constructor(
    way: {
      readonly sequence: Sequence;
      readonly prompt: SpokenPrompt;
      /** Takes the sequence to where the answer starts. */
      readonly open: (rec: Recorder) => Promise<Tokens>;
    },
    { maxNewTokens }: Bounded,
    stats: GenerationStats,
  ) {
    this.sequence = way.sequence;
    this.prompt = way.prompt;
    this.maxNewTokens = maxNewTokens;
    this.#open = way.open;
    this.#stats = stats;
  }

  readonly open = async (rec: Recorder): Promise<Tokens> => {
    const left = await this.#open(rec);
    const { cache } = this.sequence;
    this.#stats.cacheBytes = cache.filledBytes;
    this.#answerAt = cache.nextPosition;
    return left;
  };

  /** Whether the answer can start. */
  get opened(): boolean {
    return this.#answerAt !== undefined;
  }

  fail(): void {
    this.failed = true;
    this.sequence[Symbol.dispose]();
  }

  /** Where the conversation stands once the answer has ended; undefined, and all freed, if it never began. */
  close(): Standing | undefined {
    const { ids, promptRows, videoTokens } = this.#stats;
    if (ids.length === 0 || this.#answerAt === undefined) {
      this.fail();
      return undefined;
    }
    const held = this.sequence.cache.nextPosition - this.#answerAt;
    const { sequence, prompt } = this;
    return { sequence, text: prompt.text, unheld: ids.slice(held), rows: promptRows + held, videoTokens };
  }
}
