/** BullMQ and its connection to Redis, loaded when a queue is used and not before. */
import type { Job, Queue, Worker, WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { InputError } from '../../engine/errors.ts';
import { reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { QueueAddress } from './address.ts';
import type { Order, Outcome } from './job.ts';

/** Before every key of Redis. */
const PREFIX = 'framefusion';

/** After this, a connection on which nothing comes is given up and opened anew, in milliseconds. */
const SILENCE_MS = 30_000;

/** How long the first connection may take, in milliseconds. */
const CONNECT_MS = 10_000;

/** Keys of what a batch has agreed on live this long, in seconds. */
const KEPT_SECONDS = 90 * 24 * 3600;

type OrderQueue = Queue<Order, Outcome, string>;
export type OrderJob = Job<Order, Outcome, string>;
type OrderWorker = Worker<Order, Outcome, string>;

/** A connected queue. */
export class Connection implements AsyncDisposable {
  readonly address: QueueAddress;
  readonly queue: OrderQueue;
  readonly #redis: Redis;
  readonly #bullmq: typeof import('bullmq');

  private constructor(address: QueueAddress, redis: Redis, bullmq: typeof import('bullmq')) {
    this.address = address;
    this.#redis = redis;
    this.#bullmq = bullmq;
    this.queue = new bullmq.Queue(address.name, { connection: redis, prefix: PREFIX });
    this.queue.on('error', () => undefined); // the connection's own errors are told once, below
  }

  /**
   * Connects. From then on an outage is waited through, and told.
   *
   * @throws InputError if the packages are missing, or if Redis cannot be reached or refuses.
   */
  static async open(address: QueueAddress, log: Log): Promise<Connection> {
    const { bullmq, Redis } = await packages();
    const { host, port, username, password, tls } = address;
    let connected = false;
    const redis = new Redis({
      host,
      port,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      ...(tls && { tls: {} }),
      lazyConnect: true,
      connectTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      maxRetriesPerRequest: null, // work waits for Redis to come back
      retryStrategy: (times) => (connected ? Math.min(200 * times, 2000) : null),
    });
    let reason: unknown;
    redis.on('error', (error) => {
      reason = error;
    });
    try {
      await redis.connect();
      await redis.ping();
    } catch (cause) {
      redis.disconnect();
      const why = reasonOf(reason ?? cause);
      throw new InputError(`${address.shown}: Redis cannot be reached: ${why}. Is redis-server running there?`, {
        cause,
      });
    }
    connected = true;
    tellOutages(redis, address, log);
    return new Connection(address, redis, bullmq);
  }

  /** Calls `back` whenever the connection has been lost and is there again. */
  onReturn(back: () => void): void {
    this.#redis.on('ready', back);
  }

  /** A worker of the queue, which takes one job at a time once it is told to run. */
  worker(
    work: (job: OrderJob, token: string) => Promise<Outcome>,
    options: Pick<WorkerOptions, 'lockDuration' | 'stalledInterval' | 'name'>,
  ): OrderWorker {
    return new this.#bullmq.Worker(
      this.address.name,
      async (job, token = '') => work(job, token),
      // The work itself counts how often its worker died.
      { ...options, connection: this.#redis, prefix: PREFIX, autorun: false, maxStalledCount: 1e9 },
    );
  }

  /** What a job throws that has been given back to the queue. */
  givenBack(): Error {
    return new this.#bullmq.WaitingError();
  }

  /** What a job throws that is not to be tried again. */
  final(message: string): Error {
    return new this.#bullmq.UnrecoverableError(message);
  }

  /** The first value that anyone offers for a key of a batch. */
  async agreed(batch: string, offered: string): Promise<string> {
    const key = this.#key(batch);
    await this.#redis.set(key, offered, 'EX', KEPT_SECONDS, 'NX');
    return (await this.#redis.get(key)) ?? offered;
  }

  /** Lets go of what a batch has agreed on; of every batch, if none is named. */
  async forget(batch = '*'): Promise<void> {
    const keys = batch === '*' ? await this.#redis.keys(this.#key(batch)) : [this.#key(batch)];
    if (keys.length > 0) await this.#redis.del(...keys);
  }

  #key(batch: string): string {
    return `${PREFIX}:${this.address.name}:agreed:${batch}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queue.close().catch(() => undefined);
    this.#redis.disconnect();
  }
}

async function packages() {
  try {
    const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]);
    return { bullmq, Redis };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new InputError(
      '--queue needs the optional packages bullmq and ioredis, which are not installed. Run: npm install bullmq ioredis',
      { cause },
    );
  }
}

/** One line when Redis goes away, and one when it is back. */
function tellOutages(redis: Redis, { shown }: QueueAddress, log: Log): void {
  let away = false;
  redis.on('close', () => {
    if (!away && redis.status !== 'end') log.warn(`${shown}: the connection is lost; waiting for it to come back`);
    away = true;
  });
  redis.on('ready', () => {
    if (away) log.note(`${log.tool}: ${shown}: connected again`);
    away = false;
  });
}
