import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const program = '/usr/bin/chromium';

/** Whether there is a browser to look with. */
export const hasChromium = existsSync(program);

/** How a page is looked at. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
}

/** One page of a browser of its own. */
export class BrowserPage {
  /** What it asked the network or the disk for. */
  readonly requests: string[] = [];
  /** What its console said, and errors that nobody caught. */
  readonly messages: string[] = [];
  readonly page: Page;
  readonly #browser: Browser;

  constructor(browser: Browser, page: Page) {
    this.#browser = browser;
    this.page = page;
    page.on('request', (request) => this.requests.push(request.url()));
    page.on('console', (message) => this.messages.push(message.text()));
    page.on('pageerror', (error) => this.messages.push(String(error)));
  }

  /** Loads a page and waits for all that it loads. */
  async visit(url: string, { width, height, dark = false }: View): Promise<void> {
    await this.page.setViewportSize({ width, height });
    await this.page.emulateMedia({ colorScheme: dark ? 'dark' : 'light', media: null });
    await this.page.goto(url);
  }

  /** The value of an expression in the page, awaited if it is a promise. */
  value(expression: string): Promise<unknown> {
    return this.page.evaluate(expression);
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

/** How a Chromium is started. */
interface Start {
  readonly executablePath: string;
  /** Whether it has WebGPU, on its own SwiftShader. */
  readonly webGpu: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a Chromium. */
export function startChromium({ executablePath, webGpu, env }: Start): Promise<Browser> {
  // The watchdog would take an adapter that computes on busy cores for one that hangs.
  const gpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--disable-gpu-watchdog'];
  const args = ['--hide-scrollbars', '--no-sandbox', ...(webGpu ? gpu : ['--disable-gpu'])];
  // The browser brings a driver of its own, and finds none where tests have named the one that they compute on.
  const { VK_DRIVER_FILES: _, VK_ICD_FILENAMES: __, ...inherited } = process.env as Record<string, string>;
  return chromium.launch({ executablePath, args, env: { ...inherited, ...env } });
}

/** A page of a browser of its own. @param webGpu - With WebGPU, on the browser's own SwiftShader. */
export async function openBrowser({ webGpu = false } = {}): Promise<BrowserPage> {
  const browser = await startChromium({ executablePath: program, webGpu });
  return new BrowserPage(browser, await browser.newPage());
}

/** In a page: what is wrong with its drawings, texts that meet another or leave their drawing. */
export const drawingFaults = `JSON.stringify([...document.querySelectorAll('svg')].filter((svg) => svg.checkVisibility()).flatMap((svg) => {
  const all = [...svg.querySelectorAll('text')].map((text) => ({ said: text.textContent, at: text.getBoundingClientRect() }));
  const inside = svg.getBoundingClientRect();
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  return all.flatMap(({ said, at }, i) => [
    ...(at.left < inside.left - 1 || at.right > inside.right + 1 || at.top < inside.top - 1 || at.bottom > inside.bottom + 1 ? [said + ' is cut'] : []),
    ...all.slice(i + 1).filter((other) => meet(at, other.at)).map((other) => said + ' meets ' + other.said),
  ]);
}))`;
