/** What may go wrong on the page: each is a sentence and a way on. */
import { join } from 'node:path';
import { expect } from 'chai';
import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { clip } from '../media/clips.ts';
import { folder, serve } from './site.ts';

/** The page under test. */
export interface Host {
  /** The folder that it was built into. */
  readonly built: string;
  /** It, with the embedded model loaded and the example shown. */
  readonly page: Page;
  /** Another visitor's. */
  readonly opened: (query?: string, address?: string, options?: BrowserContextOptions) => Promise<Page>;
  /** Asks it, and waits. */
  readonly ask: (question: string, state?: string) => Promise<Locator>;
}

/** A plain http address: no WebGPU, no storage, no camera. */
const INSECURE = 'http://page.test';

/** What this browser has no camera for: pictures that change, in seconds that pass more quickly. */
const CAMERA = `
  const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 48 });
  const context = canvas.getContext('2d');
  const draw = () => {
    context.fillStyle = \`hsl(\${performance.now() % 360} 90% 50%)\`;
    context.fillRect(0, 0, 64, 48);
    requestAnimationFrame(draw);
  };
  draw();
  return canvas.captureStream();`;

/** Runs a program where the library runs. */
export const inWorker = (page: Page, program: string): Promise<unknown> => page.workers()[0]!.evaluate(program);

/** The notice's title and first sentence, once it is there. */
async function problem(page: Page): Promise<string> {
  const notice = page.locator('.problem');
  await notice.waitFor({ timeout: 60_000 });
  return `${await notice.locator('h2').textContent()}: ${await notice.locator('p').first().textContent()}`;
}

export function testProblems(host: () => Host): void {
  it('goes on with a device of its own after one that was lost amid an answer', async () => {
    const { page, ask } = host();
    await page.locator('.facts[data-frames]').waitFor({ timeout: 60_000 });
    await inWorker(
      page,
      `{
        const { prototype } = GPUDevice;
        const { createCommandEncoder } = prototype;
        prototype.createCommandEncoder = function (...given) {
          prototype.createCommandEncoder = createCommandEncoder;
          this.destroy();
          return createCommandEncoder.apply(this, given);
        };
      }`,
    );
    await ask('What happens in this video?', 'failed');
    expect(await problem(page)).to.match(/^The GPU went away: .*the device was lost/);
    await page.click('.problem button:text("Try again")');
    await page.locator('.facts[data-frames]').waitFor({ state: 'detached' });
    await page.locator('.facts[data-frames]').waitFor({ timeout: 60_000 }); // seen by the model, on the new device
    expect(await page.locator('.problem').count()).to.equal(0);
  });

  it('hears all of an answer before the answer ends, however long what is told is on its way', async () => {
    const { page, ask } = host();
    await inWorker(
      page,
      `{
        const { postMessage } = MessagePort.prototype;
        MessagePort.prototype.postMessage = function (...given) {
          setTimeout(() => postMessage.apply(this, given), 200);
        };
        globalThis.hurry = () => Object.assign(MessagePort.prototype, { postMessage });
      }`,
    );
    const exchange = await ask('Which object moves?');
    expect(await exchange.locator('.answer blockquote[data-ids]').count()).to.equal(2);
    await inWorker(page, 'hurry()');
  });

  it('ends what waits when its worker fails outside of any call, and goes on with the next question', async () => {
    const { page, ask } = host();
    await page.fill('#question', 'What happens in this video?');
    await page.click('button[type=submit]');
    await page.locator('.answer').last().waitFor();
    await inWorker(page, "setTimeout(() => { throw new Error('a slip') })");
    expect(await problem(page)).to.match(/^The page has failed: .*a slip$/);
    await page.locator('.exchange.failed').last().waitFor();
    await ask('Which object moves?');
    expect(await page.locator('.problem').count()).to.equal(0);
  });

  it('says that its worker did not load, whatever is asked of it, and loads it when it can', async () => {
    const { opened, page: first } = host();
    const page = await opened('', 'about:blank#');
    await page.route('**/assets/worker-*', (route) => route.abort());
    await page.goto(first.url());
    const said = 'The page has failed: a part of the page did not load. Is there a network?';
    expect(await problem(page)).to.equal(said);
    await page.click('button:text("Example")');
    expect(await problem(page)).to.equal(said);
    await page.unroute('**/assets/worker-*');
    await page.click('.problem button:text("Try again")');
    await page.locator('.facts[data-frames]').waitFor({ timeout: 60_000 });
    await page.context().close();
  });

  it('says which browsers have WebGPU, where there is none', async () => {
    const { built, opened } = host();
    const page = await opened('', 'about:blank#');
    await page.route(`${INSECURE}/**`, (route) =>
      route.fulfill({ path: join(built, new URL(route.request().url()).pathname.replace(/\/$/, '/index.html')) }),
    );
    await page.goto(`${INSECURE}/`);
    expect(await problem(page)).to.match(/^This browser has no WebGPU: /);
    expect(await page.locator('.problem').textContent()).to.match(/Chrome and Edge 113, Safari 26, Firefox 141/);
    expect(await page.locator('.problem button').allTextContents()).to.deep.equal(['Try again']);
    expect(await page.locator('button', { hasText: 'Camera' }).count(), 'a camera that cannot be used').to.equal(0);
    await page.context().close();
  });

  it('takes a clip from the camera, if it may, and opens and answers without a network after that', async () => {
    const { built, opened } = host();
    const site = await serve(folder(built));
    const page = await opened('', site.address);
    const context = page.context();
    const facts = page.locator('.facts[data-frames]');
    await facts.waitFor({ timeout: 60_000 });
    const camera = (program: string) =>
      page.evaluate(`navigator.mediaDevices.getUserMedia = async () => { ${program} }`);
    await camera("throw new DOMException('Permission denied', 'NotAllowedError')");
    await page.click('button:text("Camera")');
    await page.locator('.stage .note', { hasText: 'The camera is not allowed to this page.' }).waitFor();
    await camera(CAMERA);
    await page.clock.install();
    await page.click('button:text("Camera")');
    for (let second = 0; second < 10; second++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await page.clock.runFor(1000);
    }
    await page.locator('.facts', { hasText: /^the camera: .*64 x 48/ }).waitFor({ timeout: 60_000 });

    await page.evaluate('navigator.serviceWorker.ready.then(() => undefined)');
    await site[Symbol.asyncDispose]();
    await context.setOffline(true);
    await page.reload();
    await facts.waitFor({ timeout: 60_000 });
    await page.fill('#question', 'Which object moves?');
    await page.click('button[type=submit]');
    await page.locator('.exchange.done').waitFor({ timeout: 60_000 });
    expect(await page.locator('.answer.reduced blockquote').textContent()).to.equal('the purple ring');
    const mpeg4 = await clip('avi', '-f lavfi -i testsrc=size=64x48:rate=10:duration=1.5 -c:v mpeg4');
    await page.setInputFiles('input[type=file]', { name: 'a.avi', mimeType: 'video/x', buffer: Buffer.from(mpeg4) });
    expect(await problem(page)).to.match(/: a\.avi: FFmpeg, which could read it, did not load .*Try again online\.$/);
    await page.goto(`${site.address}/?model=https://models.test/a`);
    await page.click('.download button.primary');
    // Its title hangs on what the browser believes of its network.
    const said = await problem(page);
    expect(said).to.match(/^(You are offline|This model cannot be loaded): https:\/\/models\.test\/a/);
    await page.locator('.problem button', { hasText: 'Use the embedded model' }).waitFor();
    await context.close();
  });
}
