import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { build } from 'vite';
import { FrameFusion } from '../../framefusion/framefusion.ts';
import { openVideo } from '../../media/open-video.ts';
import { sampleVideo } from '../../media/sample-video.ts';
import { samplingOf } from '../../models/defaults.ts';
import { playerSection } from '../../viewer/markup.ts';
import { advanced, untouched } from '../../viewer/played.ts';
import { openEmbeddedBrowser } from '../helpers/embedded-browser.ts';
import { load } from '../helpers/model.ts';
import { clip } from '../media/clips.ts';
import { testDownload } from './download.ts';
import { chooseFile, dropFile, testHandling } from './handling.ts';
import { inWorker, testProblems } from './problems.ts';
import { folder, type Site, serve } from './site.ts';

const { resolve } = createRequire(import.meta.url);
const QUESTION = 'Which object moves?';

/** What the first screen may load of JavaScript, packed. */
const FIRST_SCREEN_BYTES = 200e3;

/** Longest that the page's own thread may work at a stretch while it answers, in milliseconds of its processor time. */
const LONGEST_TASK_MS = 100;

/** Counts in `grownBytes` what GPU buffers are made and destroyed from now on. */
const COUNT_MEMORY = `{
  globalThis.grownBytes = 0;
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    grownBytes += buffer.size;
    return buffer;
  };
  const gone = new WeakSet();
  const { destroy } = GPUBuffer.prototype;
  GPUBuffer.prototype.destroy = function () {
    if (!gone.has(this)) grownBytes -= this.size;
    gone.add(this);
    destroy.call(this);
  };
}`;

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Processor time, in microseconds. */
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** Of the threads that run pages. Processor time: a busy machine makes no task longer. */
function longestTask(trace: Buffer): number {
  const { traceEvents }: { traceEvents: TraceEvent[] } = JSON.parse(trace.toString());
  const threads = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const mine = new Set(threads.map(({ pid, tid }) => `${pid} ${tid}`));
  const tasks = traceEvents.filter(({ ph, pid, tid }) => ph === 'X' && mine.has(`${pid} ${tid}`));
  return Math.max(0, ...tasks.map(({ tdur = 0 }) => tdur / 1000));
}

describe('the page', function () {
  this.timeout(180_000);
  let built: string;
  let site: Site;
  let browser: Browser;
  let page: Page;
  let longest = 0;
  const messages: string[] = [];
  const requests: string[] = [];

  before(async function () {
    // The browser brings an adapter of its own: of the two runs of all tests, one looks at the page.
    if (process.env.FRAMEFUSION_ADAPTER === 'embedded') this.skip();
    built = await mkdtemp(join(tmpdir(), 'framefusion-page-'));
    await build({ configFile: 'tools/vite.config.ts', logLevel: 'error', build: { outDir: built } });
    site = await serve(folder(built));
    browser = await openEmbeddedBrowser();
    page = await opened();
  });
  after(async () => {
    await browser?.close();
    await site?.[Symbol.asyncDispose]();
    if (built) await rm(built, { recursive: true, force: true });
  });

  /** A page, which tells what it says and asks for. */
  async function opened(query = '', address = site.address, options: BrowserContextOptions = {}): Promise<Page> {
    const viewport = { width: 1280, height: 860 };
    const context = await browser.newContext({ viewport, reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    page.on('console', (message) => messages.push(message.text()));
    page.on('pageerror', (error) => messages.push(String(error)));
    context.on('request', (request) => requests.push(request.url()));
    await page.goto(`${address}/${query}`);
    return page;
  }

  /** Asks, and waits for the end, which must be as expected. @returns what was answered with few tokens, and with all. */
  async function ask(question: string, state = 'done'): Promise<Locator> {
    const asked = await page.locator('.exchange').count();
    await page.fill('#question', question);
    await page.click('button[type=submit]');
    const exchange = page.locator('.exchange').nth(asked);
    await exchange.and(page.locator('.done, .stopped, .failed')).waitFor({ timeout: 120_000 });
    const problems = await page.locator('.problem').allTextContents();
    expect(await exchange.getAttribute('class'), problems.join()).to.equal(`exchange ${state}`);
    return exchange;
  }

  const idsOf = async (exchange: Locator, run: string): Promise<string | null> =>
    exchange.locator(`.answer.${run} blockquote`).getAttribute('data-ids');

  it('answers the first question as the library in Node does: same frames, same tokens, same ids', async () => {
    await browser.startTracing(page, { categories: ['toplevel', 'devtools.timeline'] });
    const exchange = await ask(QUESTION);
    longest = longestTask(await browser.stopTracing());
    using model = await load('assets/tiny-llava-video', { dtype: 'f32', defaults: { frames: 12, forceSample: true } });
    await using video = await openVideo('assets/clip.mp4');
    const sampled = await sampleVideo(video, samplingOf(model));
    using encoded = await model.encode(sampled);
    const facts = page.locator('.facts[data-frames]');
    expect(await facts.getAttribute('data-frames')).to.equal(String(video.info.frames));
    expect(await facts.getAttribute('data-sampled')).to.equal(String(sampled.images.length));
    const bounds = { similarityLowerBound: 0.99, ratioLowerBound: 0.1 };
    for (const [run, reducer] of [
      ['reduced', new FrameFusion({ cost: 0.3, ...bounds })],
      ['dense', undefined],
    ] as const) {
      const answer = model.withReducer(reducer).answer(encoded, QUESTION);
      for await (const _ of answer);
      expect(await idsOf(exchange, run), run).to.equal(answer.stats.ids.join(' '));
      if (run === 'dense') continue;
      const left = answer.stats.layers.at(-1)!.leaving - (answer.stats.promptRows - answer.stats.videoTokens);
      expect(await page.locator('#count').getAttribute('data-left')).to.equal(String(left));
    }
    expect(await page.locator('[role=status].hidden').textContent()).to.equal('Answer: the purple ring');
  });

  it('goes on with a follow-up, in which the video is in the cache', async () => {
    const exchange = await ask('What color is the background at the end?');
    expect(await exchange.locator('.answer.reduced').textContent()).to.match(/new tokens; the video is in the cache/);
  });

  it('tells at once how many tokens a budget leaves, and answers at it', async () => {
    await page.locator('#cost').fill('50');
    expect(await page.locator('output[for=cost]').getAttribute('data-tokens')).to.equal('120');
    expect(page.url()).to.match(/\?cost=0\.5$/);
    const exchange = await ask(QUESTION);
    expect(await exchange.locator('.answer.reduced .stats').textContent()).to.match(
      /, 120 of 240 video tokens a layer$/,
    );
  });

  testHandling(() => ({ built, page, opened, ask }));

  it('takes videos of its own, dropped anywhere or chosen: what WebCodecs decodes, and what only FFmpeg does', async () => {
    const vp8 = await clip('webm', '-f lavfi -i testsrc=size=64x48:rate=10:duration=2 -c:v libvpx -pix_fmt yuv420p');
    const mpeg4 = await clip('avi', '-f lavfi -i testsrc=size=64x48:rate=10:duration=1.5 -c:v mpeg4');
    for (const [name, bytes, decoder, give] of [
      ['own.webm', vp8, 'webcodecs', dropFile],
      ['own.avi', mpeg4, 'ffmpeg.wasm', chooseFile],
    ] as const) {
      await give(page, name, bytes);
      const facts = page.locator(`.facts[data-decoder="${decoder}"]`);
      await facts.waitFor({ timeout: 60_000 });
      await using video = await openVideo(bytes);
      expect(await facts.getAttribute('data-frames'), name).to.equal(String(video.info.frames));
      expect(await facts.textContent()).to.match(new RegExp(`^${name}: `));
      expect(await page.locator('.shown .note').textContent()).to.match(
        /has only seen drawn clips.*choose a larger model/,
      );
      expect(await page.locator('.exchange').count(), 'questions about the video before').to.equal(0);
    }
  });

  it('says in a sentence what it cannot read, and goes on with the example', async () => {
    await page.setInputFiles('input[type=file]', {
      name: 'a.mp4',
      mimeType: 'video/mp4',
      buffer: Buffer.from('no video'),
    });
    await page.locator('.problem', { hasText: 'This video cannot be read here' }).waitFor();
    expect(await page.locator('.problem p').first().textContent()).to.equal(
      'a.mp4: not a video. A video file is needed: MP4, MOV, MKV or WebM.',
    );
    await page.click('.problem button');
    await page.locator('.facts[data-frames="96"]').waitFor({ timeout: 60_000 });
    expect(await page.locator('.problem').count()).to.equal(0);
  });

  it('stops, and is as accessible while it answers', async () => {
    await page.fill('#question', 'What happens in this video?');
    await page.click('button[type=submit]');
    expect(await faults()).to.deep.equal([]);
    await page.click('button.stop');
    await page.locator('.exchange.stopped').waitFor();
    expect(await page.locator('.problem').count()).to.equal(0);
  });

  it('lets an answer go with its video, and gives their memory back', async () => {
    await inWorker(page, COUNT_MEMORY);
    const grown: number[] = [];
    for (let i = 0; i < 2; i++) {
      await page.fill('#question', 'What happens in this video?');
      await page.click('button[type=submit]');
      await page.locator('.answer').last().waitFor();
      await page.setInputFiles('input[type=file]', 'assets/clip.mp4');
      await page.locator('.facts[data-frames="96"]').waitFor({ timeout: 60_000 });
      expect(await page.locator('.exchange').count()).to.equal(0);
      expect(await page.locator('.problem').count()).to.equal(0);
      grown.push((await inWorker(page, 'grownBytes')) as number);
    }
    expect(grown[1], 'bytes of GPU memory after another video').to.equal(grown[0]);
  });

  /** What axe finds serious. */
  async function faults(): Promise<string[]> {
    await page.addScriptTag({ path: resolve('axe-core/axe.min.js') });
    return page.evaluate(`axe.run().then(({ violations }) =>
      violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)).map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html).join(' ')))`);
  }

  it('has no serious fault of accessibility, in light and dark', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await faults(), colorScheme).to.deep.equal([]);
    }
  });

  it('stood still for no longer than a blink, asked nobody else, and complained of nothing', async () => {
    expect(longest).to.be.within(0.01, LONGEST_TASK_MS);
    expect(requests.filter((url) => !url.startsWith(site.address) && !/^(blob|data):/.test(url))).to.deep.equal([]);
    // What a checkpoint may have and this one has not is asked for, and not there.
    expect(messages.filter((text) => !/status of 404/.test(text))).to.deep.equal([]);
  });

  testDownload(() => ({ built, page, opened, ask }));

  it('is the same where a server answers, which asks for a key, is sent the video and draws where its tokens went', async () => {
    const asked: { model: string; messages: { content: unknown }[] }[] = [];
    const tokens = { rows: 2, columns: 2, newlines: 'none', framesPerGroup: 1 } as const;
    const [all, going] = [untouched(8, 4, tokens), { label: 'Leaving layer 0', when: 'in layer 0' }];
    const data = advanced(all, { point: { ...going, left: 7, merged: 1, pruned: 0 }, went: [[4, 0, 1]] });
    const pictures = [0, 1].map((seconds) => ({ source: 'data:image/gif;base64,R0lGODlhAQABAAAAACw=', seconds }));
    const report = `${playerSection(data, pictures, { width: 16, height: 9 }).text}<script type="application/json" id="data">${JSON.stringify(data)}</script>`;
    const usage = { prompt_tokens: 20, prompt_tokens_details: { cached_tokens: 0, video_tokens: 8 } };
    const chunks = [
      { choices: [{ delta: { role: 'assistant', content: 'a red' } }] },
      { choices: [{ delta: { content: ' ball' } }] },
      { choices: [], usage, framefusion: { trace: '/v1/traces/1' } },
    ];
    const stream = [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((text) => `data: ${text}\n\n`);
    const bytes = (text: string) => ({ bytes: Buffer.from(text) });
    const json = (value: object) => ({ ...bytes(JSON.stringify(value)), type: 'application/json' });
    await using server = await serve(async (path, { body, headers }) => {
      if (path === '/health') return json({ status: 'ok', model: 'big' });
      if (!path.startsWith('/v1/')) return folder(built)(path);
      const key = headers.authorization ?? 'none';
      if (key !== 'Bearer sesame') return { ...json({ error: { message: `${key} is wrong.` } }), status: 401 };
      if (path === '/v1/models') return json({ object: 'list', data: [{ id: 'big' }] });
      if (path === '/v1/traces/1') return { ...bytes(report), type: 'text/html' };
      asked.push(JSON.parse(body));
      return { ...bytes(stream.join('')), type: 'text/event-stream' };
    });
    const own = await opened('', server.address);
    for (const [before, key] of [
      ['none', 'sesam'],
      ['Bearer sesam', 'sesame'],
    ] as const) {
      await own.locator('.problem', { hasText: `This server asks for a key${before} is wrong.` }).waitFor();
      await own.fill('.problem input', key);
      await own.click('.problem button:text("Use this key")');
    }
    await own.locator('.problem').waitFor({ state: 'detached' });
    await own.click('button[type=submit]');
    await own.locator('.exchange.done').waitFor();
    expect(await own.locator('.answer blockquote').allTextContents()).to.deep.equal(['a red ball', 'a red ball']);
    expect(asked.map(({ model }) => model)).to.deep.equal(['big@cost=0.3', 'big@cost=1']);
    expect(JSON.stringify(asked[0]!.messages)).to.match(/"video_url":\{"url":"data:video\/mp4;base64,/);
    expect(await own.locator('#count').getAttribute('data-merged')).to.equal('1');
    expect(await own.locator('.lead').textContent())
      .to.match(/on a server/)
      .and.not.to.match(/never leaves/);
    await own.fill('#question', 'And then?');
    await own.click('button[type=submit]');
    await own.locator('.exchange.done').nth(1).waitFor();
    expect(asked.at(-1)!.messages.slice(1)).to.deep.equal([
      { role: 'assistant', content: 'a red ball' },
      { role: 'user', content: 'And then?' },
    ]);
    await own.context().close();
  });

  testProblems(() => ({ built, page, opened, ask }));

  it('loads at most 200 kB of JavaScript for its first screen', async () => {
    const files = (await readdir(join(built, 'assets'))).filter((file) => /^(index|worker)-.*\.js$/.test(file));
    expect(files).to.have.length(2);
    const sizes = await Promise.all(
      files.map(async (file) => gzipSync(await readFile(join(built, 'assets', file))).length),
    );
    expect(sizes[0]! + sizes[1]!).to.be.below(FIRST_SCREEN_BYTES);
  });
});
