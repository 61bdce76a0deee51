/** How people handle the page: with files that they drop, keys or fingers, and with as little motion as they like. */
import { expect } from 'chai';
import type { Page } from 'playwright-core';
import type { Host } from './problems.ts';

/** Least height of what a finger should hit, in CSS pixels. */
const TARGET = 40;

const transferOf = (item: string): string =>
  `(() => { const held = new DataTransfer(); held.items.add(${item}); return held; })()`;

/** Drops a file at the end of the page. */
export async function dropFile(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  const content = `Uint8Array.from(atob('${Buffer.from(bytes).toString('base64')}'), (char) => char.charCodeAt(0))`;
  const dataTransfer = await page.evaluateHandle(transferOf(`new File([${content}], '${name}')`));
  await page.dispatchEvent('footer', 'dragover', { dataTransfer });
  await page.locator('.stage.over').waitFor();
  await page.dispatchEvent('footer', 'drop', { dataTransfer });
  expect(await page.locator('.stage.over').count()).to.equal(0);
}

/** Chooses a file by the button. */
export async function chooseFile(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  const chosen = page.waitForEvent('filechooser');
  await page.click('button:text("Choose a video")');
  await (await chosen).setFiles({ name, mimeType: 'video/x', buffer: Buffer.from(bytes) });
}

const focused = (page: Page, of: string): Promise<unknown> => page.evaluate(`document.activeElement.${of}`);

/** Names all that Tab comes by, from the top of the page, and tells whether each is seen to have the focus. */
async function tabStops(page: Page): Promise<{ readonly name: string; readonly seen: boolean }[]> {
  const stops: { name: string; seen: boolean }[] = [];
  await page.focus('.skip');
  for (const key of ['Tab', 'Shift+Tab']) await page.keyboard.press(key); // by keys, or the browser would not show it
  for (;;) {
    const stop = (await page.evaluate(`(() => {
      const { activeElement: at } = document;
      const name = at.id || at.getAttribute('aria-label') || at.textContent.trim();
      return at !== document.body && { name, seen: at.localName === 'video' || getComputedStyle(at).outlineStyle !== 'none' };
    })()`)) as { name: string; seen: boolean } | false;
    if (!stop || (stops.length > 1 && stop.name === stops[0]!.name)) return stops;
    stops.push(stop);
    await page.keyboard.press('Tab');
  }
}

export function testHandling(host: () => Host): void {
  it('copies an answer, and shares a link that brings the settings along and not the video', async () => {
    const { page, opened } = host();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    const copied = () => page.evaluate('navigator.clipboard.readText()');
    const exchange = page.locator('.exchange').last();
    await exchange.locator('button:text("Copy")').click();
    await exchange.locator('[role=status]:text("Answer copied")').waitFor();
    expect(await copied()).to.equal(await exchange.locator('.answer.reduced blockquote').textContent());
    await exchange.locator('button:text("Share")').click();
    await exchange.locator('[role=status]:text("Link copied")').waitFor();
    const { origin, search } = new URL(String(await copied()));
    expect(origin).to.equal(new URL(page.url()).origin);
    expect(search).to.equal('?cost=0.5&question=Which+object+moves%3F');
    const other = await opened(search);
    expect(await other.inputValue('#cost')).to.equal('50');
    expect(await other.inputValue('#question')).to.equal('Which object moves?');
    await other.context().close();
  });

  it('leaves text that is dragged to the question', async () => {
    const { page } = host();
    const dataTransfer = await page.evaluateHandle(transferOf("'some words', 'text/plain'"));
    for (const event of ['dragover', 'drop']) await page.dispatchEvent('footer', event, { dataTransfer });
    expect(await page.locator('.stage.over').count()).to.equal(0);
    expect(await page.locator('.exchange').count(), 'answers about the video').to.be.above(0);
  });

  it('is used by keys alone', async () => {
    const { page } = host();
    await page.locator('.facts[data-frames]').waitFor({ timeout: 60_000 });
    const stops = await tabStops(page);
    expect(stops.map(({ name }) => name)).to.include.members([
      ...['Skip to the question', 'Choose a video', 'Example', 'play', 'point', 'board'],
      ...['Models', 'cost', 'Questions and answers', 'question', 'Ask'],
    ]);
    expect(stops.filter(({ seen }) => !seen)).to.deep.equal([]);
    await page.focus('.skip');
    await page.keyboard.press('Enter');
    expect(await focused(page, 'id')).to.equal('question');
    await page.keyboard.type('What happens in this video?');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await focused(page, 'textContent')).to.equal('Stop');
    await page.keyboard.press('Enter');
    await page.locator('.exchange.stopped').last().waitFor();
    expect(await focused(page, 'textContent')).to.equal('Ask');
    await page.focus('#board');
    for (const key of ['ArrowRight', 'ArrowRight', 'PageDown']) await page.keyboard.press(key);
    expect(await page.locator('#told').textContent()).to.match(/^Frame 2, row 1, column 2: /);
    await page.focus('.model > button:text("Models")');
    await page.keyboard.press('Enter');
    const first = page.locator('dialog[open] li >> nth=1');
    await first.waitFor({ timeout: 60_000 });
    expect(await first.textContent()).to.match(
      /^SmolVLM2-500M-Video-Instruct.*B to download, .*B of GPU memory.*Download and use$/,
    );
    await page.keyboard.press('Escape');
    expect(await page.locator('dialog[open]').count()).to.equal(0);
    expect(await focused(page, 'textContent')).to.equal('Models');
  });

  it('moves by itself only for those who do not mind motion', async () => {
    const { page } = host();
    await page.click('button[type=submit]');
    await page.locator('.caret').waitFor();
    for (const [reducedMotion, moving] of [
      ['no-preference', 1],
      ['reduce', 0],
    ] as const) {
      await page.emulateMedia({ reducedMotion });
      expect(await page.evaluate('document.getAnimations().length'), reducedMotion).to.equal(moving);
    }
    expect(await page.evaluate('document.querySelector(".film").paused')).to.equal(true);
    await page.click('button.stop');
    await page.locator('.exchange.stopped').last().waitFor();
  });

  it('fits a phone, and fingers', async () => {
    const { opened } = host();
    const phone = await opened('', undefined, {
      viewport: { width: 360, height: 740 },
      isMobile: true,
      hasTouch: true,
      deviceScaleFactor: 2,
      reducedMotion: 'no-preference',
    });
    await phone.waitForFunction('!document.querySelector(".film").paused');
    await phone.locator('.facts[data-frames]').waitFor({ timeout: 60_000 });
    const width = () => phone.evaluate('document.documentElement.scrollWidth');
    const small = () =>
      phone.evaluate(`[...document.querySelectorAll('button, input, a:not(p a)')]
        .map((target) => target.closest('label') ?? target)
        .filter((target) => target.checkVisibility() && target.getBoundingClientRect().bottom > 0)
        .filter((target) => target.getBoundingClientRect().height < ${TARGET}).map((target) => target.outerHTML)`);
    expect(await width()).to.equal(360);
    expect(await small()).to.deep.equal([]);
    await phone.tap('.model > button');
    await phone.locator('dialog[open]').waitFor();
    expect(await width()).to.equal(360);
    expect(await small()).to.deep.equal([]);
    await phone.tap('dialog button:text("Close")');
    // A board that is drawn anew, as while the model comes, forgets what was pointed at.
    let told = false;
    for (let tries = 0; !told && tries < 9; tries++) {
      await phone.tap('.view >> nth=1', { position: { x: 20, y: 20 } });
      told = (await phone.locator('#told', { hasText: /^Frame 2, row / }).count()) === 1;
    }
    expect(told).to.equal(true);
    await phone.tap('.examples button >> nth=0');
    await phone.tap('button.stop');
    await phone.locator('.exchange.stopped').waitFor();
    expect(await width()).to.equal(360);
    await phone.context().close();
  });
}
