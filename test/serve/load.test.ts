import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { chooseModel } from '../../library/catalogue.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import { openTestRuntime } from '../helpers/device.ts';
import { aboutClip, post, startServer } from './server.ts';

/** Requests of the whole test: a few in CI, as many as one likes by `SERVE_REQUESTS`. */
const REQUESTS = Number(process.env.SERVE_REQUESTS ?? 48);
const CLIENTS = Number(process.env.SERVE_CLIENTS ?? 16);
/** Or as many as there is time for. */
const MINUTES = Number(process.env.SERVE_MINUTES ?? 0);

/** Questions whose answers are known, and are not each other's. */
const KNOWN: readonly (readonly [question: string, answer: string])[] = [
  ['Which object moves?', 'the purple ring'],
  ['Which object flashes?', 'the red cross'],
  ['What color is the background at the end?', 'brown'],
];

interface Answer {
  readonly choices: { readonly message: { readonly content: string } }[];
}

describe('ff-serve under load', function () {
  this.timeout(Math.max(180_000, REQUESTS * 2000, (MINUTES + 5) * 60_000));

  it(`answers each of ${CLIENTS} clients its own question, though some go away and some are slow`, async () => {
    await using server = await startServer({ parallel: 4, queue: 1000 });
    const url = `${await server.url()}/v1/chat/completions`;
    const counts = { answered: 0, gone: 0 };
    const one = async (i: number): Promise<void> => {
      const [question, answer] = KNOWN[i % KNOWN.length]!;
      const kind = i % 8;
      const gone = new AbortController();
      const body = JSON.stringify(aboutClip(question, { stream: kind === 1, user: `client ${i % CLIENTS}` }));
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: gone.signal };
      if (kind === 7) {
        setTimeout(() => gone.abort(), i % 50);
        await fetch(url, init).catch(() => counts.gone++);
        return;
      }
      const response = await fetch(url, init);
      expect(response.status).to.equal(200);
      if (kind === 1) {
        await sleep(100); // a slow reader
        const text = await response.text();
        const pieces = [...text.matchAll(/"delta":\{"content":"([^"]*)"/g)].map(([, piece]) => piece);
        expect(pieces.join(''), question).to.equal(answer);
      } else expect(((await response.json()) as Answer).choices[0]!.message.content, question).to.equal(answer);
      counts.answered++;
    };
    let next = 0;
    const end = performance.now() + MINUTES * 60_000;
    const client = async (): Promise<void> => {
      while (MINUTES > 0 ? performance.now() < end : next < REQUESTS) await one(next++);
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    while (server.office.queue.atWork > 0) await sleep(10);
    const wished = Array.from({ length: next }, (_, i) => i % 8);
    expect(counts.answered).to.equal(wished.filter((kind) => kind !== 7).length);
    expect(server.faults).to.deep.equal([]);
    const metrics = await (await fetch(url.replace('/v1/chat/completions', '/metrics'))).text();
    const counted = (name: string): number =>
      Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\d+)`, 'm').exec(metrics)?.[1] ?? 0);
    expect(counted('framefusion_requests_total{path="/v1/chat/completions",status="200"}')).to.be.at.least(
      counts.answered,
    );
    expect(counted('framefusion_queue_at_work')).to.equal(0);
    expect(counted('framefusion_cache_total{cache="video",result="miss"}')).to.be.below(next / 4);
    expect(server.office.served.model.runtime.memory.bytes).to.be.below(200e6);
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
