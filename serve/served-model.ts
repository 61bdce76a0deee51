/** The model that is served: loaded, and loaded anew when its device is lost. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { TokenReducer } from '../models/reduction.ts';
import type { VideoModel } from '../models/video-model.ts';
import { ApiError } from './errors.ts';
import type { Settings } from './settings.ts';

/** How a model is served. */
export interface Serving {
  readonly load: () => Promise<Loaded>;
  /** The reducer of settings; undefined is dense. @throws InputError if one is outside what is allowed. */
  readonly reducer: (settings: Settings) => TokenReducer | undefined;
  /** What is on a device that is lost, or closed, is let go. */
  readonly onGone: () => void;
  /** Told why the model is loaded anew, and why that failed. */
  readonly note: (text: string) => void;
}

/** A model, and how it is freed with what it computes on. */
export interface Loaded {
  readonly model: VideoModel;
  readonly close: () => void;
}

/** Longest pause between two attempts to load. */
const LONGEST_PAUSE_MS = 60_000;

/** Budgets that have a reducer of their own at once. */
const VARIANTS = 64;

/** One budget of the model. */
export interface Variant {
  readonly model: VideoModel;
  /** The same for the same budget on the same device. */
  readonly key: string;
}

function gone(cause: unknown): ApiError {
  const message = 'The GPU has failed, and the model is loaded anew. Try again in a moment.';
  return new ApiError(503, message, { code: 'device_lost', cause });
}

export class ServedModel {
  readonly #serving: Serving;
  readonly #variants = new LRUCache<string, Variant>({ max: VARIANTS });
  #loaded: Loaded | undefined;
  #loads = 0;
  #closed = false;

  private constructor(serving: Serving) {
    this.#serving = serving;
  }

  /** @throws as loading the model. */
  static async open(serving: Serving): Promise<ServedModel> {
    const served = new ServedModel(serving);
    await served.#load();
    return served;
  }

  get ready(): boolean {
    return this.#loaded !== undefined;
  }

  /** How often it was loaded. */
  get loads(): number {
    return this.#loads;
  }

  /** @throws ApiError (503) while there is none. */
  get model(): VideoModel {
    if (this.#loaded) return this.#loaded.model;
    throw new ApiError(503, 'The model is being loaded. Try again in a moment.', { code: 'loading' });
  }

  /** The model at a budget. @throws ApiError (503); InputError. */
  variant(settings: Settings): Variant {
    // What is not about the video is about the reducer.
    const { frames, fps, start, end, force_sample, trace, ...budget } = settings;
    const { model } = this;
    const key = JSON.stringify([this.#loads, Object.entries(budget).sort()]);
    const known = this.#variants.get(key);
    if (known) return known;
    const variant = { model: model.withReducer(this.#serving.reducer(settings)), key };
    this.#variants.set(key, variant);
    return variant;
  }

  /** An error of work on a model: where its device is gone, that is why, whatever it looks like. */
  explained({ model }: Variant, error: unknown): unknown {
    return this.#loaded?.model.runtime === model.runtime ? error : gone(error);
  }

  /** Frees the model. */
  close(): void {
    this.#closed = true;
    this.#letGo();
  }

  async #load(): Promise<void> {
    const loaded = await this.#serving.load();
    if (this.#closed) return loaded.close();
    this.#loaded = loaded;
    this.#loads++;
    void loaded.model.runtime.lost.then((error) => {
      if (!this.#closed && this.#loaded === loaded) void this.#reload(error.message);
    });
  }

  #letGo(): void {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    this.#variants.clear();
    this.#serving.onGone();
    loaded?.close();
  }

  async #reload(why: string): Promise<void> {
    const { note } = this.#serving;
    note(`${why} The model is loaded anew.`);
    this.#letGo();
    for (let pause = 500; !this.#closed; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        await this.#load();
        return;
      } catch (error) {
        note(`${(error as Error).message} Another attempt follows in ${pause / 1000} s.`);
        await sleep(pause, undefined, { ref: false });
      }
    }
  }
}
