/** A conversation about something that a model was shown. */
import { InputError } from '../engine/errors.ts';
import type { Recorder } from '../engine/recorder.ts';
import { checkContext } from './context.ts';
import { reducedVideo } from './encoded.ts';
import { checkGenerateOptions, type GenerateOptions, generate } from './generate.ts';
import { type EncodedVideo, type Inputs, videosOf } from './inputs.ts';
import { checkScores, type ModelParts, promptOf, spokenOf, textOf } from './model-parts.ts';
import { checkIds, VIDEO_ID } from './prompt.ts';
import { reducing } from './reducing.ts';
import type { Listener, TokenReducer, Tokens } from './reduction.ts';
import { Sequence } from './sequence.ts';
import { SharedPrefix } from './shared-prefix.ts';
import { counting, type GenerationStats, newStats, noteUnreduced } from './stats.ts';
import type { Conversation, PromptText, SpokenPrompt, Turn } from './text.ts';
import { Tracer } from './trace.ts';

/** How a question is asked. */
export interface AskOptions extends GenerateOptions {
  /** Writes down where every token went (`stats.trace`); default false. Costs a read-back for each reduction. */
  readonly trace?: boolean;
  /** Told of every point that the prompt passes in prefill, as it passes. */
  readonly listener?: Listener;
  /** Whether special tokens that a question spells out are such. Default false: they are text, as all that a user says. */
  readonly rawPrompt?: boolean;
  /** Whether a prompt may be longer than the model was made for. Default false: it is an error. */
  readonly allowLong?: boolean;
}

/** What a conversation begins with. */
export interface SessionOptions {
  /** What the model is told before all, where its template has a place for that; default what the template says itself. */
  readonly system?: string | undefined;
  /**
   * What was said before, as if it had been asked and answered in this session: a reducer sees the first question, and what
   * follows is read after what that leaves.
   */
  readonly turns?: readonly Turn[];
}

/** An answer being written: text, piece by piece, as it is iterated. */
export interface Answer extends AsyncIterable<string> {
  /** Filled while the answer is written; complete when it has ended. */
  readonly stats: GenerationStats;
}

/** Where a conversation stands in the decoder after an answer. */
interface State {
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

/**
 * A conversation: it owns its cache and goes on where the last answer ended, computing only new rows. What a reducer took
 * away for the first question stays away; positions are those of the unreduced sequence. One answer at a time; `fork` for
 * several, and any number of sessions on one model.
 */
export class Session {
  readonly #parts: ModelParts;
  readonly #reducer: TokenReducer | undefined;
  readonly #inputs: Inputs;
  readonly #system: string | undefined;
  #prefix: SharedPrefix;
  readonly #turns: Turn[];
  #state: State | undefined;
  #busy = false;
  #live = true;

  constructor(
    parts: ModelParts,
    reducer: TokenReducer | undefined,
    inputs: Inputs,
    from: SessionOptions & { readonly prefix?: SharedPrefix; readonly state?: State | undefined } = {},
  ) {
    checkSessionOptions(from);
    this.#parts = parts;
    this.#reducer = reducer;
    this.#inputs = inputs;
    this.#system = from.system;
    this.#prefix = (from.prefix ?? new SharedPrefix(parts, reducer)).join();
    this.#turns = [...(from.turns ?? [])];
    this.#state = from.state;
  }

  /** What was asked and answered so far. */
  get turns(): readonly Turn[] {
    return this.#turns;
  }

  /** Bytes of the keys and values that it holds on the GPU; shared ones apart. */
  get bytes(): number {
    return this.#state?.sequence.cache.bytes ?? 0;
  }

  /** Bytes of those that it shares with the sessions that were forked from it before their first question. */
  get sharedBytes(): number {
    return this.#prefix.bytes;
  }

  /**
   * Asks a question; nothing is computed before the answer is iterated. Breaking out of it keeps what was said.
   *
   * @param stats - What is filled on the way; default new ones.
   * @throws InputError if the question is empty, an option is outside what is allowed, another answer is not through, the
   *   session has ended, or (when iterated) the reducer cannot meet its budget; WeightsError if the checkpoint has no
   *   tokenizer; the signal's reason.
   */
  ask(question: string, options: AskOptions = {}, stats: GenerationStats = newStats()): Answer {
    if (typeof question !== 'string' || question.trim() === '')
      throw new InputError('ask: the question must be a text that is not empty.');
    checkGenerateOptions(options);
    textOf(this.#parts);
    return { stats, [Symbol.asyncIterator]: () => this.#answer(question, options, stats) };
  }

  /**
   * Another session that goes on from here. It shares what is exactly reusable: before the first question the rows before
   * it, where no reducer looks at the question; after an answer all rows, which are copied on the GPU.
   *
   * @throws InputError if an answer is not through, or the session has ended.
   */
  fork(): Session {
    this.#check();
    const { runtime } = this.#parts;
    const state = this.#state;
    const rec = runtime.recorder('fork');
    const copied = state && { ...state, sequence: state.sequence.fork(rec, 0) };
    rec.finish();
    const from = { system: this.#system, prefix: this.#prefix, turns: this.#turns, state: copied };
    return new Session(this.#parts, this.#reducer, this.#inputs, from);
  }

  /** Frees the cache. What was shown belongs to the caller. */
  [Symbol.dispose](): void {
    if (!this.#live) return;
    this.#live = false;
    this.#prefix.leave();
    if (this.#busy) return; // the answer that runs frees it
    this.#forget();
  }

  #check(): void {
    if (!this.#live) throw new InputError('session: it has ended.');
    if (this.#busy) throw new InputError('session: an answer is not through. End it, or fork the session before.');
  }

  #forget(): void {
    this.#state?.sequence[Symbol.dispose]();
    this.#state = undefined;
  }

  async *#answer(question: string, options: AskOptions, stats: GenerationStats): AsyncGenerator<string> {
    this.#check();
    this.#busy = true;
    let answer = '';
    let next: Opening | undefined;
    try {
      next = await this.#open(question, options, stats);
      const { sequence, open } = next;
      const { runtime, generation } = this.#parts;
      const seen = this.#parts.spec.prompt.penalisesPrompt ? next.prompt.ids : [];
      const inspect = this.#parts.life.sound ? undefined : (scores: Float32Array) => checkScores(this.#parts, scores);
      const { maxNewTokens } = next;
      const settings = { ...generation, ...defined(options), maxNewTokens, seen, inspect };
      const stream = textOf(this.#parts).tokenizer.stream();
      const give = (piece: string): string => {
        answer += piece;
        return piece;
      };
      for await (const id of generate({ ...settings, runtime, sequence, open }, stats)) {
        const piece = give(stream.push(id));
        if (piece) yield piece;
      }
      const rest = give(stream.end());
      if (rest) yield rest;
    } catch (error) {
      // A sequence in which a pass has failed is not what it says: the next question starts anew from the words.
      if (!(next?.opened && options.signal?.aborted)) next?.fail();
      throw error;
    } finally {
      this.#busy = false;
      if (next && !next.failed) this.#state = next.close(stats);
      if (this.#state) this.#leavePrefix();
      if (stats.ids.length > 0) this.#turns.push({ question, answer });
      if (!this.#live) this.#forget();
    }
  }

  /** From its first answer on a session has rows of its own. */
  #leavePrefix(): void {
    if (!this.#live) return; // it has left
    this.#prefix.leave();
    this.#prefix = new SharedPrefix(this.#parts, this.#reducer).join();
  }

  /** How the sequence comes to where the answer starts. */
  async #open(question: string, options: AskOptions, stats: GenerationStats): Promise<Opening> {
    const parts = this.#parts;
    const video: EncodedVideo[] = [];
    for (const one of videosOf(this.#inputs)) video.push(await reducedVideo(parts, this.#reducer, one));
    const inputs = { ...this.#inputs, video };
    const text = textOf(parts);
    const shown = spokenOf(parts, this.#inputs);
    const conversation = { system: this.#system, turns: this.#turns, question, shown, raw: options.rawPrompt };
    const state = this.#state;
    const { rest, ...prompt } = state
      ? text.continuation(state.text, conversation)
      : { ...text.prompt(conversation), rest: undefined };
    const { maxNewTokens: wished = 256 } = options;
    const room = options.allowLong ? wished : checkContext(parts, prompt, conversation, this.#inputs);
    const how = { ...options, maxNewTokens: Math.min(wished, room) };
    checkIds(
      parts,
      (rest ?? prompt.ids).filter((id) => id !== VIDEO_ID),
    );
    if (state && rest) {
      this.#state = undefined; // the answer's now, which gives it back
      return extension(state, { prompt, ids: [...state.unheld, ...rest] }, how, stats);
    }
    this.#forget(); // the template has rewritten what was said
    const shared = await this.#prefix.fork(prompt.ids, inputs, { spare: spareFor(how), stats, options });
    if (shared) return extension(shared, { prompt, ids: shared.rest }, how, stats);
    const first = firstAsked(text, conversation) ?? { ids: prompt.ids, later: [] };
    return this.#whole(prompt, first, inputs, how, stats);
  }

  /** A prompt through the decoder, and what was said after it. */
  #whole(prompt: SpokenPrompt, first: FirstAsked, inputs: Inputs, options: Bounded, stats: GenerationStats): Opening {
    const { decoder } = this.#parts;
    const { signal, trace, listener } = options;
    const sequence = new Sequence(decoder, { spare: spareFor(options) });
    const open = async (rec: Recorder): Promise<Tokens> => {
      const tokens = promptOf(this.#parts, rec, first.ids, inputs);
      noteUnreduced(stats, tokens, inputs);
      const tracer = trace ? new Tracer(tokens, videosOf(inputs)[0]?.kept?.step) : undefined;
      if (tracer) stats.trace = tracer.trace;
      const listeners = [counting(stats), ...(tracer ? [tracer.listen] : []), ...(listener ? [listener] : [])];
      const hook = reducing({ reducer: this.#reducer, layers: decoder.config.layers, listeners, signal });
      const left = await sequence.prefill(rec, tokens, { hook, signal });
      return first.later.length === 0 ? left : extended(rec, sequence, first.later, options, stats);
    };
    return new Opening(sequence, prompt, open, options);
  }
}

/** Options with the number of ids that the context has room for. */
type Bounded = AskOptions & { readonly maxNewTokens: number };

function spareFor({ maxNewTokens }: Bounded): number {
  return Math.min(maxNewTokens, MOST_SPARE);
}

/** The prompt of a conversation's first question, and the ids of all that was said after it. */
interface FirstAsked {
  readonly ids: readonly number[];
  readonly later: readonly number[];
}

/** Undefined where nothing was said yet, or the template rewrites what was. */
function firstAsked(text: PromptText, conversation: Conversation): FirstAsked | undefined {
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

/** New text after what a sequence holds. */
function extension(
  { sequence, rows, videoTokens }: Pick<State, 'sequence' | 'rows' | 'videoTokens'>,
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
  return new Opening(sequence, prompt, open, options);
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
class Opening {
  readonly sequence: Sequence;
  readonly prompt: SpokenPrompt;
  /** Ids that the answer may have. */
  readonly maxNewTokens: number;
  failed = false;
  readonly #open: (rec: Recorder) => Promise<Tokens>;
  #answerAt: number | undefined;

  constructor(
    sequence: Sequence,
    prompt: SpokenPrompt,
    open: (rec: Recorder) => Promise<Tokens>,
    { maxNewTokens }: Bounded,
  ) {
    this.sequence = sequence;
    this.prompt = prompt;
    this.maxNewTokens = maxNewTokens;
    this.#open = open;
  }

  readonly open = async (rec: Recorder): Promise<Tokens> => {
    const left = await this.#open(rec);
    this.#answerAt = this.sequence.cache.nextPosition;
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
  close({ ids, promptRows, videoTokens }: GenerationStats): State | undefined {
    if (ids.length === 0 || this.#answerAt === undefined) {
      this.fail();
      return undefined;
    }
    const held = this.sequence.cache.nextPosition - this.#answerAt;
    const { sequence, prompt } = this;
    return { sequence, text: prompt.text, unheld: ids.slice(held), rows: promptRows + held, videoTokens };
  }
}

/** @throws InputError if it is no text, or no list of questions and answers. */
function checkSessionOptions({ system, turns = [] }: SessionOptions): void {
  const isText = (value: unknown): boolean => typeof value === 'string';
  if (system !== undefined && !isText(system)) throw new InputError('session: system must be a text.');
  if (!Array.isArray(turns) || !turns.every((turn) => isText(turn?.question) && isText(turn?.answer)))
    throw new InputError('session: turns must be a list of { question, answer }, which are texts.');
}

/** Options that were given: one that is undefined leaves the checkpoint's own. */
function defined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}
