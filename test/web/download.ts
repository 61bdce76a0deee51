/** A model that a page fetches and keeps. */
import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { type Host, inWorker } from './problems.ts';
import { etagOf, folder, serve } from './site.ts';

/** Weights with a tensor more, which no model reads: a file of several blocks. */
function padded(file: Buffer, bytes: number): Buffer {
  const length = Number(file.readBigUInt64LE());
  const header = JSON.parse(file.toString('utf8', 8, 8 + length));
  const end = file.length - 8 - length;
  header.padding = { dtype: 'F32', shape: [bytes / 4], data_offsets: [end, end + bytes] };
  const text = Buffer.from(JSON.stringify(header).padEnd(Math.ceil((length + 200) / 8) * 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([size, text, file.subarray(8 + length), Buffer.alloc(bytes)]);
}

export function testDownload(host: () => Host): void {
  it('downloads a model, checks its hash, goes on where the download broke off, finds it after a reload, and removes it', async () => {
    const { opened } = host();
    const weights = padded(await readFile('assets/tiny-llava-video/model.safetensors'), 20e6);
    let etag = etagOf(new Uint8Array()); // of other contents
    let ranges: number[] = [];
    let breaks = false;
    let slow: Promise<void> | undefined;
    let goOn = (): void => undefined;
    const hold = (): void => {
      slow = new Promise((resolve) => {
        goOn = resolve;
      });
    };
    hold(); // or all would have been read ahead, and need no room
    await using models = await serve(async (path) => {
      if (!path.endsWith('.safetensors')) return folder('.')(path);
      const asked = (from: number): unknown => {
        ranges.push(from);
        return from > 16e6 ? slow : undefined;
      };
      return { bytes: weights, etag, asked, ...(breaks && { breaksFrom: 16e6 }) };
    });
    const own = await opened(`?model=${models.address}/assets/tiny-llava-video`);
    const said = (text: string) => own.locator('.problem', { hasText: text }).waitFor({ timeout: 60_000 });
    await own.locator('.download').waitFor();
    await inWorker(own, 'navigator.storage.estimate = async () => ({ quota: 0, usage: 1e9 })');
    await own.click('.download button.primary');
    await said("of the browser's storage, and 0 bytes are free");
    goOn();
    await inWorker(own, "Object.defineProperty(globalThis, 'caches', { value: undefined })");
    await own.click('.download button.primary');
    await said('this browser keeps nothing for this page');
    await own.reload();
    await own.click('.download button.primary');
    await said('what came has SHA-256');
    etag = etagOf(weights);
    hold();
    await own.click('.download button.primary');
    await own.locator('.download', { hasText: / MB of 25\.\d+ MB/ }).waitFor();
    await own.click('.download button:text("Pause")'); // while it waits for the server
    await own.locator('.download', { hasText: 'is here in part.' }).waitFor();
    expect(await own.locator('.problem').count()).to.equal(0);
    goOn();
    breaks = true;
    await own.click('.download button:text("Resume")');
    await said('could not be read');
    breaks = false;
    ranges = [];
    await own.click('.download button.primary:text("Resume")');
    const loaded = own.locator('.model', { hasText: '8 layers' });
    await loaded.waitFor({ timeout: 60_000 });
    expect(Math.min(...ranges), 'the first byte that was asked for again').to.be.above(8e6);
    ranges = [];
    await own.reload();
    await loaded.waitFor({ timeout: 60_000 });
    expect(ranges).to.deep.equal([]);
    await own.click('.model button:text("Remove")');
    await own.waitForFunction(`caches.open('framefusion-webgpu').then((cache) => cache.keys())
      .then((keys) => !keys.some(({ url }) => url.startsWith('${models.address}')))`);
    await own.context().close();
  });
}
