/** What the page knows and does. Components read its signals and call its methods; the engine does the work. */
import { batch, computed, signal } from '@preact/signals';
import type { Advance } from '../../viewer/played.ts';
import type { Connection } from '../engine/connect.ts';
import type { AnswerEvent, LoadedModel, Place, Progress, Run, RunStats, ShownVideo } from '../engine/engine.ts';
import { addressOf, type Settings } from './address.ts';
import { type Problem, problemOf } from './problem.ts';

/** One of an exchange's answers. */
export interface Said {
  readonly text: string;
  readonly stats?: RunStats;
}

/** A question and what came of it. */
export interface Exchange {
  readonly id: number;
  readonly question: string;
  readonly cost: number;
  /** What a person should know of how it was asked. */
  readonly note?: string;
  readonly said: Partial<Record<Run, Said>>;
  readonly state: 'waiting' | 'warming' | 'answering' | 'done' | 'stopped' | 'failed';
}

/** A video to be shown: bytes, or where they are. */
interface Source {
  readonly from: Blob | string;
  readonly name: string;
}

const CLIP: Source = { from: new URL('assets/clip.mp4', document.baseURI).href, name: 'the example clip' };

export class Page {
  readonly place = signal<Place | undefined>(undefined);
  readonly model = signal<LoadedModel | undefined>(undefined);
  readonly source = signal<Source>(CLIP);
  readonly video = signal<ShownVideo | undefined>(undefined);
  /** Where tokens went in the last first question of a conversation, as it comes. */
  readonly way = signal<readonly Advance[]>([]);
  readonly progress = signal<Progress | undefined>(undefined);
  readonly problem = signal<Problem | undefined>(undefined);
  readonly exchanges = signal<readonly Exchange[]>([]);
  readonly cost = signal(0.3);
  readonly compare = signal(true);
  readonly draft = signal('');
  readonly modelName = signal('');
  readonly answering = computed(() => {
    const state = this.exchanges.value.at(-1)?.state;
    return state === 'waiting' || state === 'warming' || state === 'answering';
  });
  readonly #connect: () => Connection;
  #connection: Connection;
  /** Until the model has seen the video. */
  #shown: Promise<void> = Promise.resolve();
  /** Whether the next question is the first of its conversation: of a video at a budget. */
  #asked: number | undefined;

  constructor(connect: () => Connection, { model, cost, question }: Settings) {
    this.#connect = connect;
    this.#connection = connect();
    this.modelName.value = model;
    this.cost.value = cost;
    this.draft.value = question ?? '';
  }

  /** Loads the model and shows it the video. */
  start(): Promise<void> {
    this.#shown = this.#guarded(async () => {
      this.place.value = await this.#engine.start();
      this.model.value = await this.#engine.load(this.modelName.value, this.#on);
      await this.#show();
    });
    return this.#shown;
  }

  /** With a fresh engine: after a lost device, or where a program has failed. */
  restart(): Promise<void> {
    this.#connection.close();
    this.#connection = this.#connect();
    return this.start();
  }

  choose(model: string): Promise<void> {
    this.modelName.value = model;
    this.#forget();
    this.model.value = undefined;
    this.#tellAddress();
    return this.start();
  }

  /** Another video; what was shown before is given back. */
  open(from: Blob | string, name: string): Promise<void> {
    this.source.value = { from, name };
    this.#forget();
    this.#shown = this.#guarded(() => (this.model.value ? this.#show() : this.start()));
    return this.#shown;
  }

  openClip(): Promise<void> {
    return this.open(CLIP.from, CLIP.name);
  }

  setCost(cost: number): void {
    this.cost.value = cost;
    this.#tellAddress();
  }

  async ask(question: string): Promise<void> {
    const text = question.trim();
    if (text === '' || this.answering.value) return;
    const [cost, compare] = [this.cost.value, this.compare.value];
    this.draft.value = '';
    const exchange: Exchange = { id: this.exchanges.value.length, question: text, cost, said: {}, state: 'waiting' };
    this.exchanges.value = [...this.exchanges.value, exchange];
    await this.#shown;
    if (!this.video.value) return this.#change({ state: 'failed' });
    if (cost !== this.#asked) this.way.value = [];
    this.#asked = cost;
    await this.#guarded(() => this.#engine.ask({ text, cost, compare }, (event) => this.#hear(event)));
    const state = this.#stopped ? 'stopped' : this.problem.value ? 'failed' : 'done';
    this.#change({ state });
  }

  stop(): Promise<void> {
    return this.#engine.stop();
  }

  /** A link to this page with these settings and this question; the video stays here. */
  link(question?: string): string {
    const settings = { model: this.modelName.value, cost: this.cost.value };
    return addressOf(location.href, question === undefined ? settings : { ...settings, question });
  }

  get #engine() {
    return this.#connection.engine;
  }

  #stopped = false;

  readonly #on = (progress: Progress): void => {
    this.progress.value = progress;
  };

  async #show(): Promise<void> {
    const { from, name } = this.source.value;
    this.video.value = await this.#engine.show(from, name, this.#on);
  }

  /** What went wrong becomes a sentence and a way on. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    this.problem.value = undefined;
    this.#stopped = false;
    try {
      await work();
    } catch (error) {
      this.#stopped = (error as Error).name === 'AbortError';
      if (!this.#stopped) this.problem.value = problemOf(error as Error);
    } finally {
      this.progress.value = undefined;
    }
  }

  #hear(event: AnswerEvent): void {
    if (event.kind === 'advance') this.way.value = [...this.way.value, ...event.further];
    else if (event.kind === 'asked') this.#change({ ...(event.note !== undefined && { note: event.note }) });
    else if (event.kind === 'warming') this.#change({ state: 'warming' });
    else if (event.kind === 'start') this.#say(event.run, { text: '' });
    else if (event.kind === 'text')
      this.#say(event.run, { text: (this.#last.said[event.run]?.text ?? '') + event.text });
    else this.#say(event.run, { text: this.#last.said[event.run]?.text ?? '', stats: event.stats });
  }

  #say(run: Run, said: Said): void {
    this.#change({ state: 'answering', said: { ...this.#last.said, [run]: said } });
  }

  get #last(): Exchange {
    return this.exchanges.value.at(-1)!;
  }

  #change(change: Partial<Exchange>): void {
    this.exchanges.value = [...this.exchanges.value.slice(0, -1), { ...this.#last, ...change }];
  }

  #forget(): void {
    batch(() => {
      this.video.value = undefined;
      this.way.value = [];
      this.exchanges.value = [];
      this.#asked = undefined;
    });
  }

  #tellAddress(): void {
    history.replaceState(null, '', this.link());
  }
}
