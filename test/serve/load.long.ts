import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { chooseModel } from '../../library/catalogue.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import { openTestRuntime } from '../helpers/device.ts';
import { counters, type Held, held, KNOWN, Load } from './load.ts';
import { aboutClip, post, startServer } from './server.ts';

/** Requests of the whole test: a few in CI, as many as one likes by `SERVE_REQUESTS`. */
const REQUESTS = Number(process.env.SERVE_REQUESTS ?? 48);
const CLIENTS = Number(process.env.SERVE_CLIENTS ?? 16);
/** Or as many as there is time for. */
const MINUTES = Number(process.env.SERVE_MINUTES ?? 0);
const LONG = REQUESTS > 48 || MINUTES > 0;
/** How often it stops and looks at the memory. In each part all clients ask. */
const PARTS = LONG ? 4 : 2;
/** Fewer than there are clients: some are refused, and come again. */
const QUEUE = CLIENTS / 2;

interface Answer {
  readonly choices: { readonly message: { readonly content: string } }[];
}

describe('ff-serve under load', function () {
  this.timeout(Math.max(180_000, REQUESTS * 2000, (MINUTES + 5) * 60_000));

  it(`answers each of ${CLIENTS} clients its own question, though some go away, are slow or are hostile`, async () => {
    const faults: unknown[] = [];
    // Lines are written and forgotten, as the command does it.
    const records = { line: () => undefined, fault: (error: unknown) => faults.push(error) };
    await using server = await startServer({ parallel: 4, queue: QUEUE, records });
    const load = new Load(`${await server.url()}/v1/chat/completions`, CLIENTS);
    let mostWaiting = 0;
    const watch = setInterval(() => {
      mostWaiting = Math.max(mostWaiting, server.office.queue.waiting);
    }, 5);
    const started = performance.now();
    const memory: Held[] = [];
    while (memory.length < PARTS) {
      await load.run({ requests: ((memory.length + 1) * REQUESTS) / PARTS, minutes: MINUTES / PARTS });
      while (server.office.queue.atWork > 0) await sleep(10);
      memory.push(await held(server.office.served.model.runtime.memory.bytes));
    }
    clearInterval(watch);
    if (LONG) console.log({ seconds: (performance.now() - started) / 1000, ...load.counts, mostWaiting, memory });
    expect(load.wrong).to.deep.equal([]);
    expect(faults).to.deep.equal([]);
    expect(mostWaiting).to.be.within(1, QUEUE);
    const [early, late] = [memory[0]!, memory.at(-1)!];
    expect(late.heap - early.heap, 'bytes of the heap').to.be.below(10e6);
    expect(late.gpu - early.gpu, 'bytes of the GPU').to.be.below(10e6);
    const counted = await counters(server.app);
    const { answered, gone, hostile, refused, asked } = load.counts;
    expect(answered + gone + hostile).to.equal(asked);
    // Who goes away does not hear a refusal, and is not counted before the request is there.
    expect(refused).to.be.above(0);
    expect(counted.requests(429)).to.be.within(refused, refused + gone);
    expect(counted.requests(400) + counted.requests(403) + counted.requests(404)).to.equal(hostile);
    expect(counted.requests(200)).to.be.within(answered, answered + gone);
    expect(counted.requests(200) + counted.requests(499)).to.be.within(answered, answered + gone);
    expect(counted.requests(500) + counted.requests(503)).to.equal(0);
    expect(counted.of('framefusion_queue_at_work') + counted.of('framefusion_queue_waiting')).to.equal(0);
    // Once for all of them; what cannot be decoded is tried again, and who went away may have been at it.
    expect(counted.of('framefusion_cache_total{cache="video",result="miss"}')).to.be.within(1, 1 + gone + hostile);
    expect(counted.of('framefusion_tokens_total{kind="out"}')).to.be.at.least(load.counts.tokens);
  });

  it('refuses with 429 and says when to come again', async () => {
    await using server = await startServer({ parallel: 1, queue: 1 });
    const replies = await Promise.all(KNOWN.concat(KNOWN).map(([question]) => post(server.app, aboutClip(question))));
    const refused = replies.filter(({ status }) => status === 429);
    expect(refused.length).to.be.at.least(KNOWN.length);
    expect(refused[0]!.headers.get('retry-after')).to.equal('2');
    expect(replies.filter(({ status }) => status === 200)).to.have.length(replies.length - refused.length);
  });

  it('takes no new work when it is ending', async () => {
    await using server = await startServer();
    server.ending.abort();
    const reply = await post(server.app, aboutClip('Which object moves?'));
    expect(reply.status).to.equal(503);
    const health = await server.app.request('/health', { headers: { host: 'localhost' } });
    expect([health.status, await health.json()]).to.deep.equal([503, { status: 'ending', model: 'tiny-llava-video' }]);
  });

  it('loads the model anew when the GPU has failed, and tells whoever asks meanwhile', async () => {
    const choice = chooseModel('tiny-llava-video');
    const devices: GPUDevice[] = [];
    let hold: Promise<unknown> = Promise.resolve();
    const load = async () => {
      await hold;
      const runtime = await openTestRuntime();
      devices.push(runtime.device);
      const model = await loadCheckpoint(folderFiles(choice.folder!), runtime, { name: choice.name });
      const close = (): void => {
        model[Symbol.dispose]();
        runtime.close();
      };
      return { model, close };
    };
    await using server = await startServer({ load });
    const words = { model: 'tiny', messages: [{ role: 'user', content: 'Which object moves?' }], max_tokens: 200 };
    const before = (await (await post(server.app, words)).json()) as Answer;
    const running = post(server.app, words);
    while (server.office.queue.atWork === 0) await sleep(1);
    let release = (): void => undefined;
    hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    devices[0]!.destroy();
    while (server.office.served.ready) await sleep(5);
    expect((await running).status).to.be.oneOf([200, 503]);
    expect((await post(server.app, words)).status).to.equal(503);
    const health = await server.app.request('/health', { headers: { host: 'localhost' } });
    expect([health.status, ((await health.json()) as { status: string }).status]).to.deep.equal([503, 'loading']);
    release();
    while (!server.office.served.ready) await sleep(10);
    const after = await post(server.app, words);
    expect(after.status).to.equal(200);
    expect(((await after.json()) as Answer).choices).to.deep.equal(before.choices);
    expect(server.office.served.loads).to.equal(2);
  });
});
