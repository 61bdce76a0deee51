/** What the page knows and does. Components read its signals and call its methods; the engine does the work. */
import { batch, computed, signal } from '@preact/signals';
import type { Advance } from '../../viewer/played.ts';
import type {
  AnswerEvent,
  Choice,
  Connection,
  LoadedModel,
  Place,
  Progress,
  Run,
  RunStats,
  ShownVideo,
} from '../engine/engine.ts';
import { addressOf, DEFAULTS, type Settings } from './address.ts';
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
  readonly state: 'waiting' | 'warming' | 'answering' | Outcome;
}

/** How something ended. */
type Outcome = 'done' | 'stopped' | 'failed';

const isOpen = ({ state }: Exchange): boolean => state === 'waiting' || state === 'warming' || state === 'answering';

/** A model that is not here, or not all of it. */
export interface Missing {
  readonly model: string;
  readonly stored: Choice['stored'];
  readonly running: boolean;
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
  readonly cost = signal(DEFAULTS.cost);
  readonly compare = signal(true);
  readonly draft = signal('');
  readonly modelName = signal('');
  readonly choices = signal<readonly Choice[]>([]);
  readonly listing = signal(false);
  /** The chosen model, where it is not in the browser's storage. */
  readonly missing = signal<Missing | undefined>(undefined);
  readonly answering = computed(() => this.exchanges.value.some(isOpen));
  readonly #connect: () => Promise<Connection>;
  #connection: Connection;
  /** Until the model has seen the video. */
  #shown: Promise<unknown> = Promise.resolve();
  /** The budget of the conversation, if anything was asked in it. */
  #asked: number | undefined;
  /** Questions so far: each has a number of its own, by which what is heard of it finds it, if its video is still here. */
  #questions = 0;

  constructor(connection: Connection, connect: () => Promise<Connection>, { model, cost, question }: Settings) {
    this.#connect = connect;
    this.#connection = connection;
    this.modelName.value = model;
    this.cost.value = cost;
    this.draft.value = question ?? '';
  }

  /** Loads the model and shows it the video. */
  start(): Promise<unknown> {
    this.#shown = this.#guarded(async () => {
      this.place.value = await this.#engine.start();
      if (await this.#isMissing()) return;
      this.model.value = await this.#engine.load(this.modelName.value, this.#on);
      await this.#show();
    });
    return this.#shown;
  }

  /** Fetches the model that is missing, or the rest of it, and goes on with it. */
  async download(): Promise<void> {
    const missing = this.missing.value;
    if (!missing || missing.running) return;
    this.missing.value = { ...missing, running: true };
    const outcome = await this.#guarded(() => this.#engine.download(missing.model, this.#on));
    if (this.modelName.value !== missing.model) return; // another was chosen meanwhile
    if (outcome === 'done') await this.start();
    else this.missing.value = { ...missing, running: false, stored: await this.#engine.stored(missing.model) };
  }

  /** Removes a model from the browser's storage. */
  async remove(model: string): Promise<void> {
    if ((await this.#guarded(() => this.#engine.remove(model))) !== 'done') return;
    const freed = (choice: Choice): Choice => (choice.name === model ? { ...choice, stored: 'none' } : choice);
    this.choices.value = this.choices.value.map(freed);
  }

  /** Removes the model that is in use, and goes on with the embedded one. */
  async discard(): Promise<void> {
    const model = this.modelName.value;
    await this.choose(DEFAULTS.model);
    await this.remove(model);
  }

  /** Learns what models there are, and what is stored of them. */
  async list(): Promise<void> {
    if (this.listing.value) return;
    this.listing.value = true;
    this.choices.value = [];
    const add = (choice: Choice): void => {
      this.choices.value = [...this.choices.value, choice];
    };
    await this.#guarded(() => this.#engine.choices(add));
    this.listing.value = false;
  }

  /** Whether the model would have to be downloaded: nobody wants a gigabyte without having been asked. */
  async #isMissing(): Promise<boolean> {
    const model = this.modelName.value;
    const stored = model === DEFAULTS.model ? 'all' : await this.#engine.stored(model);
    this.missing.value = stored === 'all' ? undefined : { model, stored, running: false };
    return stored !== 'all';
  }

  /** With a fresh engine: after a lost device, or where a program has failed. */
  async restart(): Promise<unknown> {
    this.#connection.close();
    this.#connection = await this.#connect();
    // What was said stays to be read; what was known of it went with the engine.
    batch(() => {
      this.model.value = undefined;
      this.video.value = undefined;
      this.way.value = [];
    });
    this.#asked = undefined;
    return this.start();
  }

  choose(model: string): Promise<unknown> {
    void this.#engine.stop(); // another may still be loading
    this.modelName.value = model;
    this.missing.value = undefined;
    this.#forget();
    this.model.value = undefined;
    this.#tellAddress();
    return this.start();
  }

  /** Another video; what was shown before is given back. */
  open(from: Blob | string, name: string): Promise<unknown> {
    this.source.value = { from, name };
    this.#forget();
    this.#shown = this.#guarded(() => (this.model.value ? this.#show() : this.start()));
    return this.#shown;
  }

  openClip(): Promise<unknown> {
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
    const id = this.#questions++;
    this.exchanges.value = [...this.exchanges.value, { id, question: text, cost, said: {}, state: 'waiting' }];
    await this.#shown;
    if (this.#exchange(id)?.state !== 'waiting') return; // it was taken back, or has gone with its video
    if (!this.video.value) return this.#change(id, { state: 'failed' });
    this.#change(id, { state: 'answering' });
    if (cost !== this.#asked) this.way.value = [];
    this.#asked = cost;
    const hear = (event: AnswerEvent): void => this.#hear(id, event);
    this.#change(id, { state: await this.#guarded(() => this.#engine.ask({ text, cost, compare }, hear)) });
  }

  /** Ends the answer. A question that waits for the model is taken back, and the model goes on loading. */
  async stop(): Promise<void> {
    const last = this.exchanges.value.at(-1);
    if (last?.state === 'waiting') this.#change(last.id, { state: 'stopped' });
    else await this.#engine.stop();
  }

  /** Ends the download; what has come stays. */
  pause(): Promise<void> {
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

  readonly #on = (progress: Progress): void => {
    this.progress.value = progress;
  };

  async #show(): Promise<void> {
    const { from, name } = this.source.value;
    this.video.value = await this.#engine.show(from, name, this.#on);
  }

  /** What went wrong becomes a sentence and a way on. */
  async #guarded(work: () => Promise<unknown>): Promise<Outcome> {
    this.problem.value = undefined;
    try {
      await work();
      return 'done';
    } catch (error) {
      if ((error as Error).name === 'AbortError') return 'stopped';
      this.problem.value = problemOf(error as Error);
      return 'failed';
    } finally {
      this.progress.value = undefined;
    }
  }

  #hear(id: number, event: AnswerEvent): void {
    const exchange = this.#exchange(id);
    if (!exchange || !isOpen(exchange)) return; // of a video that is gone, or of a worker that has failed
    const say = (run: Run, said: Said): void =>
      this.#change(id, { state: 'answering', said: { ...exchange.said, [run]: said } });
    const text = 'run' in event ? (exchange.said[event.run]?.text ?? '') : '';
    if (event.kind === 'traced') this.video.value = { ...this.video.value!, traced: event };
    else if (event.kind === 'advance') this.way.value = [...this.way.value, ...event.further];
    else if (event.kind === 'asked') this.#change(id, { ...(event.note !== undefined && { note: event.note }) });
    else if (event.kind === 'warming') this.#change(id, { state: 'warming' });
    else if (event.kind === 'start') say(event.run, { text: '' });
    else if (event.kind === 'text') say(event.run, { text: text + event.text });
    else say(event.run, { text, stats: event.stats });
  }

  #exchange(id: number): Exchange | undefined {
    return this.exchanges.value.find((one) => one.id === id);
  }

  #change(id: number, change: Partial<Exchange>): void {
    this.exchanges.value = this.exchanges.value.map((one) => (one.id === id ? { ...one, ...change } : one));
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
