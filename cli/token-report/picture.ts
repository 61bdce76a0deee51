/** A page as a picture, taken by a browser that is installed. */
import { access, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InputError } from '../../engine/errors.ts';

/** In pixels of the page: what is shared is shown in this shape. */
const WIDTH = 1200;
const HEIGHT = 630;

/** Until the page's program has drawn the frames in their new size. */
const SETTLED_MS = 200;

/** Sharp on any screen. */
const SCALE = 2;

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge', 'chrome'];
const places = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];

/**
 * A browser that can take pictures: `CHROME_PATH`, one on PATH, or one where installers put it.
 *
 * @throws InputError if there is none.
 */
export async function findBrowser(): Promise<string> {
  const { CHROME_PATH, PATH = '' } = process.env;
  const onPath = PATH.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  for (const file of CHROME_PATH ? [CHROME_PATH] : [...onPath, ...places]) if (await runs(file)) return file;
  const looked = CHROME_PATH ? `CHROME_PATH ${CHROME_PATH} is no program` : 'none was found';
  throw new InputError(
    `--report: a .png needs Chromium, Chrome or Edge, and ${looked}. Install one, name it in CHROME_PATH, or write a .html.`,
  );
}

/**
 * Takes a picture for sharing: headline, answers and frames.
 *
 * @param program - Path of the browser.
 * @throws InputError if the browser does not do it.
 */
export async function pictureOf(page: string, program: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), 'framefusion-report-'));
  try {
    const file = join(folder, 'report.html');
    await writeFile(file, page);
    const browser = await launch(program);
    try {
      const page = await browser.newPage({ viewport: { width: WIDTH, height: HEIGHT }, deviceScaleFactor: SCALE });
      await page.goto(pathToFileURL(file).href);
      await page.evaluate("document.body.classList.add('card')");
      await page.waitForTimeout(SETTLED_MS);
      return await page.screenshot();
    } finally {
      await browser.close();
    }
  } catch (cause) {
    throw new InputError(`--report: ${program} took no picture: ${firstLine(cause)}. Write a .html instead.`, {
      cause,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Playwright's messages go on with its log. */
const firstLine = (error: unknown): string => (error as Error).message.split('\n')[0]!.replace(/[.:\s]+$/, '');

async function launch(executablePath: string) {
  const { chromium } = await import('playwright-core'); // optional, and of no use to who wants no picture
  // The browser brings a Vulkan driver of its own, and finds none where this process has named the one that it computes on.
  const { VK_DRIVER_FILES: _, VK_ICD_FILENAMES: __, ...env } = process.env;
  // The command ends by signals itself, and the browser with it.
  const signals = { handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false };
  return chromium.launch({ executablePath, args: ['--disable-gpu'], env: env as Record<string, string>, ...signals });
}

async function runs(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
