/** A page as a picture, taken by a browser that is installed. */
import { access, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InputError } from '../../engine/errors.ts';
import { BrowserPage } from '../browser-page.ts';

/** In pixels of the page: what is shared is shown in this shape. */
const WIDTH = 1200;
const HEIGHT = 630;

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
    const browser = await BrowserPage.open(program);
    try {
      await browser.visit(pathToFileURL(file).href, { width: WIDTH, height: HEIGHT });
      await browser.value(
        "document.body.classList.add('card'); new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100)))",
      );
      return await browser.picture(SCALE);
    } finally {
      await browser.close();
    }
  } catch (cause) {
    throw new InputError(`--report: ${program} took no picture: ${(cause as Error).message}. Write a .html instead.`, {
      cause,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runs(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
