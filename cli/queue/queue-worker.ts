/** The side of a queue that does work: one job at a time, with what its terms need kept loaded. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameFusionError, InputError } from '../../engine/errors.ts';
import { contentMark } from '../content-mark.ts';
import { isVideosFault, reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { durationText } from '../quantities.ts';
import type { Connection, OrderJob } from './connection.ts';
import type { Item, Order, Outcome, Terms } from './job.ts';

/** How often it looks for how long it has had no work, in milliseconds. */
const LOOK_MS = 250;

/** What is loaded for the jobs of some terms. */
export interface Ready extends Disposable {
  /** Of the weights, and what they are multiplied in. */
  readonly dtype: string;
  readonly adapter: string;
  work(item: Item): Promise<unknown>;
}

/** How a worker works. */
export interface WorkerOptions {
  /** Name and version of the program. */
  readonly version: string;
  /** Seconds without a sign of life, after which a job is another worker's. */
  readonly lease: number;
  /** Seconds without work, after which it ends; absent: never. */
  readonly idle?: number;
  /** Loads what the jobs of some terms need. @throws The reason in words, if that cannot be had here. */
  readonly open: (terms: Terms) => Promise<Ready>;
}

/** A worker. */
export class QueueWorker {
  readonly #connection: Connection;
  readonly #options: WorkerOptions;
  readonly #log: Log;
  #ready: { readonly key: string; readonly loaded: Ready } | undefined;
  /** The job at hand, and what this worker holds it by. */
  #held: { readonly job: OrderJob; readonly token: string } | undefined;
  #since = performance.now();
  /** Why this worker cannot go on. */
  #refusal: unknown;

  constructor(connection: Connection, options: WorkerOptions, log: Log) {
    this.#connection = connection;
    this.#options = options;
    this.#log = log;
  }

  /** Works until there has been nothing to do for long enough. @throws What keeps it from working. */
  async run(): Promise<void> {
    const { lease, idle } = this.#options;
    const { shown } = this.#connection.address;
    const worker = this.#connection.worker((job, token) => this.#take(job, token, () => worker.pause(true)), {
      lockDuration: lease * 1000,
      stalledInterval: lease * 1000,
    });
    worker.on('error', (error) => this.#log.detail(`${this.#log.tool}: ${error.message}`));
    void worker.run();
    try {
      this.#log.note(`${this.#log.tool}: waiting for work in ${shown}`);
      while (!this.#refusal && !(idle !== undefined && this.#idleSeconds() >= idle)) await sleep(LOOK_MS);
      await worker.close();
    } finally {
      this.#log.clear();
      this.#unload();
    }
    if (this.#refusal) throw this.#refusal;
  }

  /** Gives the job at hand to the other workers at once, for a worker that is about to end. */
  async giveBack(): Promise<void> {
    await this.#held?.job.moveToWait(this.#held.token);
  }

  #idleSeconds(): number {
    return this.#held ? 0 : (performance.now() - this.#since) / 1000;
  }

  /** One job. What is not the video's fault gives it back to the queue, and ends this worker. */
  async #take(job: OrderJob, token: string, pause: () => Promise<void>): Promise<Outcome> {
    this.#held = { job, token };
    const { item, tries } = job.data;
    try {
      if (job.stalledCounter >= tries)
        throw this.#connection.final(
          `${item.video}: ${job.stalledCounter} workers died over it. Perhaps it needs more memory than they have.`,
        );
      const ready = await this.#prepared(job.data).catch(async (error: unknown) => {
        this.#refusal = error;
        await pause();
        await this.giveBack();
        throw this.#connection.givenBack();
      });
      return await this.#done(ready, job);
    } finally {
      this.#held = undefined;
      this.#since = performance.now();
    }
  }

  async #done(ready: Ready, { data, attemptsMade }: OrderJob): Promise<Outcome> {
    const { item, tries } = data;
    const started = performance.now();
    try {
      await requireContent(item);
      const result = await ready.work(item);
      this.#log.note(`${this.#log.tool}: ${item.video}: ${durationText((performance.now() - started) / 1000)}`);
      return { result, dtype: ready.dtype, adapter: ready.adapter };
    } catch (error) {
      const failure = named(error, item.video);
      this.#log.warn(`${failure.message} (try ${attemptsMade + 1} of ${tries})`);
      // A device may be lost, or short of memory: the next job begins anew.
      if (!isVideosFault(error)) this.#unload();
      throw failure;
    }
  }

  /** What a job needs. @throws The reason in words, if this worker differs from what the job is for. */
  async #prepared({ batch, terms }: Order): Promise<Ready> {
    const { shown } = this.#connection.address;
    const { version, open } = this.#options;
    if (terms.version !== version)
      throw new InputError(
        `${shown}: the work there is for ${terms.version}, and this is ${version}. Install the same version on both sides.`,
      );
    const key = JSON.stringify(terms);
    if (this.#ready?.key !== key) {
      this.#unload();
      this.#ready = { key, loaded: await open(terms) };
    }
    const { loaded } = this.#ready;
    const agreed = await this.#connection.agreed(batch, loaded.dtype);
    if (agreed !== loaded.dtype)
      throw new InputError(
        `${shown}: the answers there are computed in ${agreed}, and this worker computes in ${loaded.dtype} (${loaded.adapter}), so they would differ. Start it on another adapter, or give out the work with --dtype f32.`,
      );
    return loaded;
  }

  #unload(): void {
    this.#ready?.loaded[Symbol.dispose]();
    this.#ready = undefined;
  }
}

/** An error whose message says which video it was. */
function named(error: unknown, video: string): Error {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof FrameFusionError && message.includes(video)) return error;
  return new InputError(`${video}: ${message}`, { cause: error });
}

/** @throws InputError if a video is not here, or not the one that the work is about. */
async function requireContent({ video, content }: Item): Promise<void> {
  if (content === null) return;
  const here = await contentMark(video).catch((cause: unknown) => {
    throw new InputError(`${video}: cannot be read on this machine: ${reasonOf(cause)}.`, { cause });
  });
  if (here !== content)
    throw new InputError(
      `${video}: is another file on this machine than where the work was given out. Share the folder.`,
    );
}
