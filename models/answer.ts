import type { GenerateOptions } from './generate.ts';
import type { Listener } from './reduction.ts';
import { type GenerationStats, newStats } from './stats.ts';

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

/** An answer: text, piece by piece, which is written as it is iterated. */
export class Answer implements AsyncIterable<string> {
  /** Filled while the answer is written; complete when it has ended. */
  readonly stats: GenerationStats = newStats();
  readonly #write: (stats: GenerationStats) => AsyncIterable<string>;

  /** @param write - Gives the text, and writes down in an answer's stats what it does. */
  constructor(write: (stats: GenerationStats) => AsyncIterable<string>) {
    this.#write = write;
  }

  /** Writes the answer; its pieces come as they are written. */
  [Symbol.asyncIterator](): AsyncIterator<string> {
    return this.#write(this.stats)[Symbol.asyncIterator]();
  }

  /** The text as that of another answer, which does more than this one. */
  within(stats: GenerationStats): AsyncIterable<string> {
    return this.#write(stats);
  }
}
