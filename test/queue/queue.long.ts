import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type ToyAnswer, toyItems, toyTerms } from '../../bench/queue/toy.ts';
import { Log } from '../../cli/log.ts';
import { queueAddress } from '../../cli/queue/address.ts';
import { Collector } from '../../cli/queue/collect.ts';
import { Connection } from '../../cli/queue/connection.ts';
import type { Item } from '../../cli/queue/job.ts';
import { InputError } from '../../engine/errors.ts';
import { randomStream } from '../../tools/random.ts';
import { hasRedis, RedisServer } from '../../tools/redis-server.ts';
import { expectRejection } from '../helpers/errors.ts';
import { expectedAnswers, MemorySink, sorted, ToyWorkers, VERSION } from './toy-workers.ts';

const log = new Log('test', { quiet: true });
const numbered = (count: number): Item[] =>
  toyItems(Array.from({ length: count }, (_, i) => `video-${String(i).padStart(3, '0')}`));

describe('a queue', () => {
  let redis: RedisServer;
  let batches = 0;
  before(async function () {
    if (!hasRedis()) return this.skip();
    redis = await RedisServer.start();
  });
  after(() => redis?.[Symbol.asyncDispose]());

  /** Gives items out and collects them; `during` goes on meanwhile. */
  async function collected(
    name: string,
    items: readonly Item[],
    {
      id = `batch${batches++}`,
      sink = new MemorySink(),
      tries = 3,
      address = redis.queue(name),
      dtype = undefined as string | undefined,
    } = {},
  ): Promise<MemorySink> {
    await using collector = await Collector.open<ToyAnswer, Item>(
      { id, tries, address: queueAddress(address) },
      sink,
      log,
    );
    await collector.drain();
    const open = items.filter((item) => !sink.has(item));
    await collector.collect(toyTerms(VERSION), open, dtype);
    return sink;
  }

  it('loses nothing and answers nothing twice while its workers are killed at random', async () => {
    await using workers = new ToyWorkers();
    const random = randomStream(7);
    const items = numbered(200);
    const sink = new MemorySink();
    let kills = 0;
    sink.onAnswer = (count) => {
      if (count % 9 !== 0 || kills++ >= 20) return;
      workers.killOne(random);
      workers.start(redis.queue('killed'));
    };
    for (let i = 0; i < 3; i++) workers.start(redis.queue('killed'));
    await collected('killed', items, { sink, tries: 20 });
    expect(kills).to.be.at.least(20);
    expect([sink.again, sink.failures]).to.deep.equal([0, []]);
    expect(sorted(sink.answers)).to.deep.equal(expectedAnswers(items));
  });

  it('gives a video up after its tries, and says why: for one that cannot be read, and for one that kills', async () => {
    await using workers = new ToyWorkers();
    const items = toyItems(['poison.mp4', 'good.mp4', 'killer.mp4']);
    for (let i = 0; i < 3; i++) workers.start(redis.queue('poison'));
    const sink = await collected('poison', items, { tries: 2 });
    expect(sink.failures.sort()).to.deep.equal([
      'killer.mp4: 2 workers died over it. Perhaps it needs more memory than they have.',
      'poison.mp4: is no video.',
    ]);
    expect(sink.answers.map(({ video }) => video)).to.deep.equal(['good.mp4']);
    expect(workers.said).to.contain('poison.mp4: is no video. (try 2 of 2)');
  });

  it('goes on when its collector is killed and started again, and does no work twice', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ff-queue-'));
    try {
      const diary = join(folder, 'diary');
      await using workers = new ToyWorkers({ diary });
      for (let i = 0; i < 2; i++) workers.start(redis.queue('collector'));
      const items = numbered(20);
      const sink = new MemorySink();
      sink.onAnswer = (count) => {
        if (count === 5) throw new Error('killed');
      };
      await expectRejection(collected('collector', items, { id: 'again', sink }), Error, 'killed');
      sink.onAnswer = () => undefined;
      await collected('collector', items, { id: 'again', sink });
      expect(sorted(sink.answers)).to.deep.equal(expectedAnswers(items));
      const begun = (await readFile(diary, 'utf8')).trimEnd().split('\n');
      expect(begun.sort()).to.deep.equal(items.map(({ video }) => video));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('loses nothing when Redis is killed and started again with its append-only file', async () => {
    await using own = await RedisServer.start();
    await using workers = new ToyWorkers();
    for (let i = 0; i < 2; i++) workers.start(own.queue('restarted'));
    const items = numbered(30);
    const sink = new MemorySink();
    let away: Promise<void> | undefined;
    sink.onAnswer = (count) => {
      if (count === 10)
        away = own
          .kill()
          .then(() => sleep(300))
          .then(() => own.restart());
    };
    await collected('restarted', items, { sink, address: own.queue('restarted') });
    await away;
    expect(away).not.to.equal(undefined);
    expect(sorted(sink.answers)).to.deep.equal(expectedAnswers(items));
    expect(workers.said).to.contain('the connection is lost; waiting for it to come back');
  });

  it('gives a job to another worker when the network of the first is cut, and takes its answer once', async () => {
    await using wire = await Wire.to(redis.port);
    await using workers = new ToyWorkers({ workMs: 200 });
    const items = numbered(12);
    const sink = new MemorySink();
    workers.start(`redis://127.0.0.1:${wire.port}/cut`);
    workers.start(redis.queue('cut'));
    sink.onAnswer = (count) => {
      if (count === 2) wire.cut(2500);
    };
    await collected('cut', items, { sink });
    expect(sorted(sink.answers)).to.deep.equal(expectedAnswers(items));
  });

  it('has a job back at once when a signal ends its worker, however long the lease is', async () => {
    await using workers = new ToyWorkers({ lease: 600 });
    const first = workers.start(redis.queue('signal'), { workMs: 600_000 });
    const answers = collected('signal', numbered(1));
    await using connection = await Connection.open(queueAddress(redis.queue('signal')), log);
    while ((await connection.queue.getActiveCount()) === 0) await sleep(20);
    first.kill('SIGTERM');
    await once(first, 'exit');
    workers.start(redis.queue('signal'));
    expect((await answers).answers).to.deep.equal(expectedAnswers(numbered(1)));
  });

  it('is refused, in words, by a worker of another version and by one that computes otherwise; the work stays', async () => {
    await using workers = new ToyWorkers();
    const queue = redis.queue('refused');
    const collecting = collected('refused', numbered(3), { dtype: 'f32' });
    const ends = [workers.start(queue, { version: 'toy 2' }), workers.start(queue, { dtype: 'f16' })].map((child) =>
      once(child, 'exit'),
    );
    for (const end of ends) expect((await end)[0]).to.equal(1);
    expect(workers.said).to.contain(
      `the work there is for ${VERSION}, and this is toy 2. Install the same version on both sides.`,
    );
    expect(workers.said).to.contain('the answers there are computed in f32, and this worker computes in f16 (none)');
    workers.start(queue);
    expect((await collecting).answers).to.have.length(3);
  });

  it('that is cleared while somebody collects is one line; the same command fills it again', async () => {
    const items = numbered(2);
    const collecting = collected('cleared', items, { id: 'cleared' });
    await using connection = await Connection.open(queueAddress(redis.queue('cleared')), log);
    while ((await connection.queue.getWaitingCount()) < 2) await sleep(20);
    await connection.queue.obliterate({ force: true });
    await expectRejection(collecting, InputError, 'somebody has cleared the queue; 2 videos are not done.');
    await using workers = new ToyWorkers();
    workers.start(redis.queue('cleared'));
    expect((await collected('cleared', items, { id: 'cleared' })).answers).to.have.length(2);
  });

  it('that cannot be reached is one line', async () => {
    const nowhere = queueAddress('redis://user:secret@127.0.0.1:1/q');
    await expectRejection(
      Connection.open(nowhere, log),
      InputError,
      'redis://127.0.0.1:1/q: Redis cannot be reached: connection refused. Is redis-server running there?',
    );
  });
});

/** A connection to Redis that can be cut, as a cable can. */
class Wire implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #whole = true;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<Wire> {
    const server = createServer();
    const wire = new Wire(server);
    server.on('connection', (near) => {
      if (!wire.#whole) return near.destroy();
      const far = connect(port, '127.0.0.1');
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        wire.#sockets.add(one);
        one.pipe(other);
        one.on('error', () => undefined);
        one.on('close', () => {
          wire.#sockets.delete(one);
          other.destroy();
        });
      }
      return undefined;
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return wire;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  cut(forMs: number): void {
    this.#whole = false;
    for (const socket of this.#sockets) socket.destroy();
    setTimeout(() => {
      this.#whole = true;
    }, forMs).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
