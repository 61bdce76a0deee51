/** The work of `ff-worker`: takes jobs from a queue, one at a time, with a model that stays loaded. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameFusionError, InputError } from '../../engine/errors.ts';
import type { Runtime } from '../../engine/runtime.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { contentMark } from '../content-mark.ts';
import { isVideosFault, reasonOf } from '../errors.ts';
import { Log } from '../log.ts';
import { openModel } from '../open-model.ts';
import { durationText } from '../quantities.ts';
import { precisionOf } from '../report.ts';
import { Connection, type OrderJob } from './connection.ts';
import type { Item, Order, Outcome, Terms } from './job.ts';
import { findWanted } from './wanted-model.ts';
import { type Kind, kindOf } from './work-kinds.ts';
import type { WorkerArguments } from './worker-arguments.ts';

/** How often a worker without work looks at how long it has had none, in milliseconds. */
const IDLE_MS = 250;

/** Runs one command line, until a signal ends it, or as long as there is work. @throws What keeps it from working. */
export async function serveQueue(args: WorkerArguments, version: string): Promise<void> {
  const log = new Log('ff-worker', args);
  await using connection = await Connection.open(args.queue, log);
  if (args.clear) return clear(connection, log);
  await new QueueWorker(args, version, connection, log).run();
}

/** Takes everything out of a queue. */
async function clear(connection: Connection, log: Log): Promise<void> {
  const { queue, address } = connection;
  const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'completed', 'failed');
  await queue.obliterate({ force: true });
  await connection.forget();
  const jobs = Object.values(counts).reduce((sum, count) => sum + count, 0);
  log.note(`${log.tool}: ${address.shown}: cleared of ${jobs} jobs`);
}

/** A model that is loaded for the jobs of some terms. */
interface Ready extends Disposable {
  readonly terms: string;
  readonly kind: Kind;
  readonly model: VideoModel;
  readonly runtime: Runtime;
}

class QueueWorker {
  readonly #args: WorkerArguments;
  readonly #version: string;
  readonly #connection: Connection;
  readonly #log: Log;
  #ready: Ready | undefined;
  #busy = false;
  #since = performance.now();
  /** Why this worker cannot go on. */
  #refusal: unknown;

  constructor(args: WorkerArguments, version: string, connection: Connection, log: Log) {
    this.#args = args;
    this.#version = version;
    this.#connection = connection;
    this.#log = log;
  }

  async run(): Promise<void> {
    const { lease, idle } = this.#args;
    const worker = this.#connection.worker((job, token) => this.#take(job, token, () => worker.pause(true)), {
      lockDuration: lease * 1000,
      stalledInterval: lease * 1000,
    });
    worker.on('error', (error) => this.#log.detail(`${this.#log.tool}: ${error.message}`));
    void worker.run();
    try {
      this.#log.note(`${this.#log.tool}: waiting for work in ${this.#args.queue.shown}`);
      while (!this.#refusal && !(idle !== undefined && this.#idleSeconds() >= idle)) await sleep(IDLE_MS);
      await worker.close();
    } finally {
      this.#log.clear();
      this.#unload();
    }
    if (this.#refusal) throw this.#refusal;
  }

  #idleSeconds(): number {
    return this.#busy ? 0 : (performance.now() - this.#since) / 1000;
  }

  /** One job. What is not the video's fault gives it back to the queue, and ends this worker. */
  async #take(job: OrderJob, token: string, pause: () => Promise<void>): Promise<Outcome> {
    this.#busy = true;
    try {
      if (job.stalledCounter >= job.data.tries)
        throw this.#connection.final(
          `${job.data.item.video}: ${job.stalledCounter} workers died over it. Perhaps it needs more memory than they have.`,
        );
      const ready = await this.#prepared(job.data).catch(async (error: unknown) => {
        this.#refusal = error;
        await pause();
        await job.moveToWait(token);
        throw this.#connection.givenBack();
      });
      return await this.#done(ready, job);
    } finally {
      this.#busy = false;
      this.#since = performance.now();
    }
  }

  async #done({ kind, model, runtime }: Ready, { data, attemptsMade }: OrderJob): Promise<Outcome> {
    const { item, tries } = data;
    const started = performance.now();
    try {
      await sameContent(item);
      const result = await kind.work(model, item, this.#log);
      this.#log.note(`${this.#log.tool}: ${item.video}: ${durationText((performance.now() - started) / 1000)}`);
      return { result, dtype: precisionOf(model), adapter: runtime.adapterName };
    } catch (error) {
      const { message } = error as Error;
      this.#log.warn(
        `${message.includes(item.video) ? '' : `${item.video}: `}${message} (try ${attemptsMade + 1} of ${tries})`,
      );
      // A device may be lost, or short of memory: the next job begins anew.
      if (!isVideosFault(error)) this.#unload();
      throw error instanceof FrameFusionError && message.includes(item.video)
        ? error
        : new InputError(`${item.video}: ${message}`, { cause: error });
    }
  }

  /** The model that a job wants. @throws The reason in words, if this worker differs from what the job is for. */
  async #prepared({ batch, terms }: Order): Promise<Ready> {
    if (terms.version !== this.#version)
      throw new InputError(
        `${this.#args.queue.shown}: the work there is for ${terms.version}, and this is ${this.#version}. Install the same version on both sides.`,
      );
    const key = JSON.stringify(terms);
    if (this.#ready?.terms !== key) {
      this.#unload();
      this.#ready = await this.#load(terms, key);
    }
    const dtype = precisionOf(this.#ready.model);
    const agreed = await this.#connection.agreed(batch, dtype);
    if (agreed !== dtype)
      throw new InputError(
        `${this.#args.queue.shown}: the answers there are computed in ${agreed}, and this worker computes in ${dtype} (${this.#ready.runtime.adapterName}). Answers would differ: start it on another adapter, or give out the work with --dtype f32.`,
      );
    return this.#ready;
  }

  async #load(terms: Terms, key: string): Promise<Ready> {
    const choice = await findWanted(terms.model, this.#log);
    const kind = await kindOf(terms, choice);
    const { dtype } = terms.model;
    const args = { ...this.#args, ...(dtype !== undefined && { dtype }) };
    const { runtime, model } = await openModel(args, choice, this.#log, kind.wanted);
    const dispose = (): void => {
      model[Symbol.dispose]();
      runtime.close();
    };
    this.#log.note(`${this.#log.tool}: ${choice.name} is loaded, ${precisionOf(model)} on ${runtime.adapterName}`);
    return { terms: key, kind, model, runtime, [Symbol.dispose]: dispose };
  }

  #unload(): void {
    this.#ready?.[Symbol.dispose]();
    this.#ready = undefined;
  }
}

/** @throws InputError if a video is not here, or not the one that the work is about. */
async function sameContent({ video, content }: Item): Promise<void> {
  if (content === null) return;
  const here = await contentMark(video).catch((cause: unknown) => {
    throw new InputError(`${video}: cannot be read on this machine: ${reasonOf(cause)}.`, { cause });
  });
  if (here !== content)
    throw new InputError(
      `${video}: is another file on this machine than where the work was given out. Share the folder.`,
    );
}
