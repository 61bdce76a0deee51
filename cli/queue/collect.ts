/** The side of a queue that gives work out and takes in what comes of it. */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { InputError } from '../../engine/errors.ts';
import { plainText } from '../../engine/text.ts';
import type { Log } from '../log.ts';
import type { QueueAddress } from './address.ts';
import { Connection, type OrderJob } from './connection.ts';
import { type Item, idOf, idPrefix, type Order, type Outcome, type Terms } from './job.ts';

/** Between two looks at what has come, in milliseconds. */
const POLL_MS = 500;

/** Every so many looks, whether the queue still has the work. */
const LOOKS_A_CHECK = 10;

/** Jobs that go to Redis, or come from there, at once. */
const AT_ONCE = 500;

/** Of the first pause after a failure, which doubles, in milliseconds. */
const BACKOFF_MS = 1000;

/** Where results go. */
export interface Sink<R, I extends Item = Item> {
  /** Keeps what a worker found; what is kept already may come again. */
  done(outcome: Outcome<R>): Promise<void>;
  /** Told of a video that was given up. */
  failed(item: I, reason: string): Promise<void>;
  /** Waits until all that was kept is on the disk. Only then the queue forgets it. */
  sync(): Promise<void>;
}

/** Work for a queue. */
export interface Batch {
  /** Of which command's, and which file's. */
  readonly id: string;
  readonly tries: number;
  readonly address: QueueAddress;
}

/** Gives work to a queue and collects it. Can be ended at any moment, and started again. */
export class Collector<R, I extends Item = Item> implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #batch: Batch;
  readonly #sink: Sink<R, I>;
  readonly #log: Log;
  /** What has been given out and has not come back, by id. */
  readonly #open = new Map<string, Order>();
  readonly #parting = (): void => this.#sayHowToGoOn();
  #lost = false;

  private constructor(connection: Connection, batch: Batch, sink: Sink<R, I>, log: Log) {
    this.#connection = connection;
    this.#batch = batch;
    this.#sink = sink;
    this.#log = log;
    // A Redis that was ended hard may have forgotten what came last.
    connection.onReturn(() => {
      this.#lost = true;
    });
    process.on('exit', this.#parting);
  }

  /** @throws InputError if the queue cannot be reached. */
  static async open<R, I extends Item>(batch: Batch, sink: Sink<R, I>, log: Log): Promise<Collector<R, I>> {
    return new Collector(await Connection.open(batch.address, log), batch, sink, log);
  }

  /** Takes in what came while nobody collected. */
  async drain(): Promise<void> {
    await this.#takeCompleted();
  }

  /**
   * Gives the work out, unless the queue has it already, and waits until all of it has come back.
   *
   * @param dtype - The precision of what is there already; undefined: that of the first worker.
   * @throws InputError if somebody clears the queue.
   */
  async collect(terms: Terms, items: readonly I[], dtype: string | undefined): Promise<void> {
    const { id: batch, tries } = this.#batch;
    if (dtype !== undefined) await this.#connection.agreed(batch, dtype);
    for (const item of items) this.#open.set(idOf(batch, terms, item), { batch, tries, terms, item });
    await this.#removeStale();
    await this.#add();
    await this.#noteWorkers();
    const total = this.#open.size;
    for (let looks = 1; this.#open.size > 0; looks++) {
      this.#log.progress('collecting', total - this.#open.size, total);
      if (this.#lost) await this.#add();
      const came = (await this.#takeCompleted()) + (await this.#takeFailed());
      if (looks % LOOKS_A_CHECK === 0) await this.#checkThere();
      if (came === 0) await sleep(POLL_MS);
    }
    await this.#connection.forget(batch);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#parting);
    await this.#connection[Symbol.asyncDispose]();
  }

  /** A job whose id the queue has already is not added again. */
  async #add(): Promise<void> {
    this.#lost = false;
    const jobs = [...this.#open].map(([jobId, data]) => ({
      name: data.terms.kind,
      data,
      opts: { jobId, attempts: data.tries, backoff: { type: 'exponential', delay: BACKOFF_MS }, stackTraceLimit: 1 },
    }));
    for (let i = 0; i < jobs.length; i += AT_ONCE) {
      this.#log.progress('filling the queue', i, jobs.length);
      await this.#connection.queue.addBulk(jobs.slice(i, i + AT_ONCE));
    }
  }

  async #checkThere(): Promise<void> {
    const [id] = this.#open.keys();
    if (id === undefined || (await this.#connection.queue.getJobState(id)) !== 'unknown' || this.#lost) return;
    throw new InputError(
      `${this.#connection.address.shown}: somebody has cleared the queue; ${this.#open.size} videos are not done. The same command puts them into it again.`,
    );
  }

  async #noteWorkers(): Promise<void> {
    const { shown } = this.#connection.address;
    // Some hosts of Redis do not tell.
    const workers = await this.#connection.queue.getWorkersCount().catch(() => undefined);
    if (workers === 0)
      this.#log.note(`${this.#log.tool}: no worker is there yet. Start some: ff-worker --queue ${shown}`);
  }

  async #takeCompleted(): Promise<number> {
    const ids = await this.#own(['completed']);
    for (let i = 0; i < ids.length; i += AT_ONCE) {
      const jobs = await this.#jobs(ids.slice(i, i + AT_ONCE));
      for (const { returnvalue } of jobs) await this.#sink.done(returnvalue as Outcome<R>);
      await this.#sink.sync();
      await this.#letGo(jobs);
    }
    return ids.length;
  }

  async #takeFailed(): Promise<number> {
    const jobs = await this.#jobs(await this.#own(['failed']));
    for (const { id = '', data, failedReason } of jobs)
      if (this.#open.has(id))
        await this.#sink.failed(data.item as I, plainText(failedReason ?? 'no reason given', 1000));
    await this.#sink.sync();
    await this.#letGo(jobs);
    return jobs.length;
  }

  /** Takes away what failed in an earlier run, to be tried anew, and what waits but is not asked for any more. */
  async #removeStale(): Promise<void> {
    await this.#letGo(await this.#jobs(await this.#own(['failed'])));
    const waiting = await this.#own(['wait', 'delayed', 'prioritized']);
    const stale = waiting.filter((id) => !this.#open.has(id));
    // One that a worker takes at this moment stays, and is collected.
    for (const id of stale) await this.#connection.queue.remove(id).catch(() => undefined);
  }

  /** Ids of this batch: a queue may have others. */
  async #own(states: Parameters<Connection['queue']['getRanges']>[0]): Promise<string[]> {
    const prefix = idPrefix(this.#batch.id);
    return (await this.#connection.queue.getRanges(states, 0, -1, true)).filter((id) => id.startsWith(prefix));
  }

  async #jobs(ids: readonly string[]): Promise<OrderJob[]> {
    const jobs = await Promise.all(ids.map((id) => this.#connection.queue.getJob(id)));
    return jobs.filter((job) => job !== undefined);
  }

  async #letGo(jobs: readonly OrderJob[]): Promise<void> {
    await Promise.all(jobs.map((job) => job.remove().catch(() => undefined)));
    for (const { id = '' } of jobs) this.#open.delete(id);
  }

  /** Ended before its time: the work goes on without it. */
  #sayHowToGoOn(): void {
    const { shown } = this.#connection.address;
    this.#log.clear();
    writeSync(
      2,
      `${this.#log.tool}: ended; ${this.#open.size} videos stay in ${shown}, and workers go on with them. To collect them, give the same command again. To clear the queue: ff-worker --queue ${shown} --clear\n`,
    );
  }
}
