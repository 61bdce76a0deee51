/** A page in headless Chromium, over the pipe of its debugging protocol: no package, no port. For pages of ours only. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/** How a page is looked at. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  /** As it would be on paper. */
  readonly print?: boolean;
}

/** One page of a browser of its own. */
export class BrowserPage {
  /** What it asked the network or the disk for. */
  readonly requests: string[] = [];
  /** What its console and its log said, faults included. */
  readonly messages: string[] = [];
  readonly #child: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #awaited = new Map<string, () => void>();
  #session = '';
  #id = 0;
  #ended = false;

  private constructor(child: ChildProcess, profile: string) {
    this.#child = child;
    this.#profile = profile;
    const kill = (): unknown => child.kill('SIGKILL');
    process.on('exit', kill);
    // One that has ended, or never started, gives no answer any more.
    const end = (): void => {
      this.#ended = true;
      process.off('exit', kill);
      for (const answer of this.#waiting.values()) answer({ error: { message: 'the browser has ended' } });
    };
    child.on('error', end).on('close', end);
    (child.stdio[3] as Writable).on('error', () => undefined);
    let rest = '';
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\0');
      rest = parts.pop() ?? '';
      for (const part of parts) this.#receive(JSON.parse(part));
    });
  }

  /**
   * @param program - Path of a Chromium, or of what is made from it.
   * @param gpu - Its flags for a GPU; without one, unless given.
   */
  static async open(program: string, gpu: readonly string[] = ['--disable-gpu']): Promise<BrowserPage> {
    const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
    const flags = ['--headless', '--no-sandbox', ...gpu, '--disable-background-networking', '--no-first-run'];
    // It brings a driver of its own, and finds none where this process has named the one that it computes on.
    const { VK_DRIVER_FILES: _, VK_ICD_FILENAMES: __, ...env } = process.env;
    const child = spawn(
      program,
      [
        ...flags,
        '--disable-sync',
        '--disable-component-update',
        '--remote-debugging-pipe',
        '--hide-scrollbars',
        `--user-data-dir=${profile}`,
      ],
      { env, stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
    );
    const page = new BrowserPage(child, profile);
    try {
      const { targetId } = await page.send('Target.createTarget', { url: 'about:blank' });
      page.#session = String((await page.send('Target.attachToTarget', { targetId, flatten: true })).sessionId);
      for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await page.send(`${domain}.enable`);
      return page;
    } catch (error) {
      await page.close();
      throw error;
    }
  }

  /** Loads a page and waits for all that it loads. */
  async visit(url: string, { width, height, dark = false, print = false }: View): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
    await this.send('Emulation.setDeviceMetricsOverride', metrics);
    const features = [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }];
    await this.send('Emulation.setEmulatedMedia', { features, media: print ? 'print' : '' });
    const loaded = new Promise<void>((resolve) => this.#awaited.set('Page.loadEventFired', resolve));
    await this.send('Page.navigate', { url });
    await loaded;
  }

  /** The value of an expression in the page, awaited if it is a promise. */
  async value(expression: string): Promise<unknown> {
    const { result } = await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    return (result as { value?: unknown }).value;
  }

  /** Any command of the protocol. @see https://chromedevtools.github.io/devtools-protocol/ */
  send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = ++this.#id;
    const session = this.#session && { sessionId: this.#session };
    (this.#child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    return new Promise((resolve, reject) => {
      if (this.#ended) reject(new Error('the browser has ended'));
      this.#waiting.set(id, ({ result, error }) => (error ? reject(new Error(error.message)) : resolve(result ?? {})));
    });
  }

  /** All of the page, as PNG. @param scale - Pixels of the picture for one of the page. */
  async picture(scale = 1): Promise<Uint8Array> {
    const { cssContentSize } = (await this.send('Page.getLayoutMetrics')) as {
      cssContentSize: { width: number; height: number };
    };
    const clip = { x: 0, y: 0, ...cssContentSize, scale };
    const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true, clip });
    return Buffer.from(String(data), 'base64');
  }

  async close(): Promise<void> {
    const ended = this.#ended || new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill();
    await ended;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  #receive(message: Message): void {
    const { id, method, params } = message;
    if (id !== undefined) {
      this.#waiting.get(id)?.(message);
      this.#waiting.delete(id);
    }
    if (method === 'Network.requestWillBeSent') this.requests.push(String(params?.request?.url));
    if (['Runtime.consoleAPICalled', 'Runtime.exceptionThrown', 'Log.entryAdded'].includes(method ?? ''))
      this.messages.push(JSON.stringify(params));
    this.#awaited.get(method ?? '')?.();
  }
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly request?: { readonly url?: string } };
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}
