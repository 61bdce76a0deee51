/** The Chromium that `@sparticuz/chromium` carries, for tests on machines that have none: with WebGPU on its SwiftShader. */
import { createReadStream, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import chromium from '@sparticuz/chromium';
import { type Browser, chromium as playwright } from 'playwright-core';
import { extract } from 'tar-fs';

/** Starts it, unpacked once a machine (6 s). */
export async function openEmbeddedBrowser(): Promise<Browser> {
  const executablePath = await chromium.executablePath();
  const { VK_DRIVER_FILES: _, VK_ICD_FILENAMES: __, ...env } = process.env as Record<string, string>;
  const webGpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
  // The watchdog would take an adapter that computes on busy cores for one that hangs.
  const args = [...webGpu, '--disable-gpu-watchdog', '--hide-scrollbars', '--no-sandbox'];
  return playwright.launch({ executablePath, args, env: { ...env, LD_LIBRARY_PATH: await libraries() } });
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
