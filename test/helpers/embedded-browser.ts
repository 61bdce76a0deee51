/** The Chromium that `@sparticuz/chromium` carries, for tests on machines that have none: with WebGPU on its SwiftShader. */
import { createReadStream, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import chromium from '@sparticuz/chromium';
import type { Browser } from 'playwright-core';
import { extract } from 'tar-fs';
import { startChromium } from './browser-page.ts';

/** Starts it, unpacked once a machine (6 s). */
export async function openEmbeddedBrowser(): Promise<Browser> {
  const executablePath = await chromium.executablePath();
  return startChromium({ executablePath, webGpu: true, env: { LD_LIBRARY_PATH: await libraries() } });
}

/** The libraries that it needs and a bare machine lacks (NSS). */
async function libraries(): Promise<string> {
  const folder = join(tmpdir(), 'framefusion-chromium-libraries');
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  const archive = join(dirname(dirname(dirname(entry))), 'bin', 'al2023.tar.br');
  if (!existsSync(join(folder, 'lib', 'libsoftokn3.so')))
    await pipeline(createReadStream(archive), createBrotliDecompress(), extract(folder));
  return join(folder, 'lib');
}
