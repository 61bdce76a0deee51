/** A conversation about something that a model was shown. */
import { InputError } from '../engine/errors.ts';
import { Answer, type AskOptions } from './answer.ts';
import { checkContext } from './context.ts';
import { reducedVideo } from './encoded.ts';
import { checkGenerateOptions, generate } from './generate.ts';
import { type EncodedVideo, type Inputs, videosOf } from './inputs.ts';
import { checkScores, type ModelParts, spokenOf, textOf } from './model-parts.ts';
import { extension, firstAsked, type Opening, type Standing, spareFor, wholePrompt } from './opening.ts';
import { checkIds, VIDEO_ID } from './prompt.ts';
import type { TokenReducer } from './reduction.ts';
import { SharedPrefix } from './shared-prefix.ts';
import { type GenerationStats, noteId } from './stats.ts';
import type { Turn } from './text.ts';

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
  #state: Standing | undefined;
  #busy = false;
  #live = true;

  constructor(
    parts: ModelParts,
    reducer: TokenReducer | undefined,
    inputs: Inputs,
    from: SessionOptions & { readonly prefix?: SharedPrefix; readonly state?: Standing | undefined } = {},
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
   * @throws InputError if the question is empty, an option is outside what is allowed, another answer is not through, the
   *   session has ended, or (when iterated) the reducer cannot meet its budget; WeightsError if the checkpoint has no
   *   tokenizer; the signal's reason.
   */
  ask(question: string, options: AskOptions = {}): Answer {
    if (typeof question !== 'string' || question.trim() === '')
      throw new InputError('ask: the question must be a text that is not empty.');
    checkGenerateOptions(options);
    textOf(this.#parts);
    return new Answer((stats) => this.#answer(question, options, stats));
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
      const { token, scores, ...wishes } = defined(options);
      const settings = { ...generation, ...wishes, maxNewTokens, seen, inspect, withScores: scores !== undefined };
      const stream = textOf(this.#parts).tokenizer.stream();
      const give = (piece: string): string => {
        answer += piece;
        return piece;
      };
      for await (const made of generate({ ...settings, runtime, sequence, open })) {
        noteId(stats, made);
        if (made.stop) break;
        if (made.scores) scores?.(made.id, made.scores);
        token?.(made.id);
        const piece = give(stream.push(made.id));
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
      if (next && !next.failed) this.#state = next.close();
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
    const first = firstAsked(text, conversation);
    return wholePrompt({ parts, reducer: this.#reducer, inputs, prompt, first }, how, stats);
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
