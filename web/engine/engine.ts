/**
 * What answers: a worker of this browser, or a server. The page knows nothing else of either. All that passes is plain data,
 * which workers clone and servers write as JSON; pictures are addresses.
 */
import type { Advance, Played } from '../../viewer/played.ts';

/** Where and on what it computes. */
export interface Place {
  readonly where: 'browser' | 'server';
  /** The adapter's name. */
  readonly adapter: string;
  readonly kind: 'gpu' | 'software';
}

/** Something that takes a while. */
export interface Progress {
  readonly stage: 'download' | 'load' | 'decode' | 'encode';
  readonly done: number;
  readonly of: number;
}

export type OnProgress = (progress: Progress) => void;

/** A model that is loaded. */
export interface LoadedModel {
  readonly name: string;
  /** What it is, in few words. */
  readonly facts: string;
  /** Questions that it is good for. */
  readonly examples: readonly string[];
  /** What a person should know of its answers, if anything. */
  readonly limits?: string;
}

/** What is known of a video's file. */
export interface VideoFile {
  readonly width: number;
  readonly height: number;
  /** Of the whole video, and which of them the model is shown. */
  readonly frames: number;
  readonly sampled: readonly number[];
  readonly durationSeconds: number;
  readonly decoder: string;
}

/** Tokens, and what they lie on. */
export interface Traced {
  /** Before anything is asked: every one. */
  readonly tokens: Played;
  /** The frames, or the first of each group. */
  readonly pictures: readonly { readonly source: Blob | string; readonly seconds: number }[];
  /** Their shape, in any unit. */
  readonly width: number;
  readonly height: number;
}

/** A video as the model is shown it. */
export interface ShownVideo {
  readonly name: string;
  /** What is known of the file; a server tells nothing before it is asked. */
  readonly file?: VideoFile;
  readonly traced?: Traced;
  /** What is wrong with it although it can be used, and what the model makes of such videos. */
  readonly notes: readonly string[];
}

/** A question about the video that is shown. */
export interface Question {
  readonly text: string;
  /** Share of the video's tokens that is computed, in (0, 1]. */
  readonly cost: number;
  /** Whether to answer with all tokens as well. */
  readonly compare: boolean;
}

/** Which of the two answers. */
export type Run = 'reduced' | 'dense';

/** The answers to a question, in their order: at cost 1 nothing is reduced, and there is one. */
export function runsOf({ cost, compare }: Question): Run[] {
  if (cost >= 1) return ['dense'];
  return compare ? ['reduced', 'dense'] : ['reduced'];
}

/** What an answer took. */
export interface RunStats {
  readonly promptTokens: number;
  readonly videoTokens: number;
  /** Mean share of the video's tokens in the layers' attention. */
  readonly computedShare: number;
  /** Tokens of the conversation that were there already. */
  readonly reused: number;
  readonly prefillSeconds: number;
  readonly decodeSeconds: number;
  readonly ids: readonly number[];
}

/** What happens while a question is answered, in order. */
export type AnswerEvent =
  | { readonly kind: 'asked'; readonly text: string; readonly note?: string }
  /** Kernels are compiled: once a model, and no part of an answer's time. */
  | { readonly kind: 'warming' }
  | { readonly kind: 'start'; readonly run: Run }
  | { readonly kind: 'advance'; readonly further: readonly Advance[] }
  /** A whole trace at once, after the answer, where none comes while it is written. */
  | ({ readonly kind: 'traced' } & Traced)
  | { readonly kind: 'text'; readonly run: Run; readonly text: string }
  | { readonly kind: 'end'; readonly run: Run; readonly stats: RunStats };

/** A model that may be chosen. */
export interface Choice {
  readonly name: string;
  readonly title: string;
  /** What it is good for. */
  readonly about: string;
  /** Of its files; 0 where it cannot be planned. */
  readonly bytes: number;
  /** GPU memory of a run. */
  readonly memory: number;
  /** Why it does not run here, if it does not. */
  readonly problem?: string;
  /** How much of it is in the browser's storage: nothing, a part, or all. */
  readonly stored: 'none' | 'part' | 'all';
}

/**
 * One engine. Errors have a message of one line, and a name of the library's. What a call tells on its way, it tells before it
 * ends.
 */
export interface Engine {
  /** Opens the adapter. */
  start(): Promise<Place>;
  /** Loads a model; what was loaded before is given back. */
  load(model: string, on: OnProgress): Promise<LoadedModel>;
  /** Shows it a video; what was shown before is given back. */
  show(video: Blob | string, name: string, on: OnProgress): Promise<ShownVideo>;
  /** Answers; a change of video or budget begins a new conversation. */
  ask(question: Question, on: (event: AnswerEvent) => void): Promise<void>;
  /** Ends what is being done. */
  stop(): Promise<void>;
  /** Models to choose from, each as soon as it is known whether it fits. */
  choices(on: (choice: Choice) => void): Promise<void>;
  /** Fetches a model into the browser's storage and checks its hash; `stop` pauses. */
  download(model: string, on: OnProgress): Promise<void>;
  /** How much of it is there. */
  stored(model: string): Promise<Choice['stored']>;
  /** Removes it from there. */
  remove(model: string): Promise<void>;
}

/** An engine, and what ends it: calls that wait end with an `AbortError`. */
export interface Connection {
  readonly engine: Engine;
  close(): void;
}
