/** What the tests of `hub/` share: a hub with a checkpoint, an empty cache, and times that suit a test. */
import { lstat, mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DownloadOptions, downloadModel } from '../../hub/download.ts';
import { FakeHub, REPOSITORY } from './server.ts';

export const TIMING = {
  attempts: 3,
  totalAttempts: 20,
  backoffMs: 1,
  longestWaitMs: 3000,
  stallMs: 1000,
  lockPollMs: 10,
  lockStaleMs: 1000,
};

/** Bytes without a pattern, the same for the same seed. */
export function bytes(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

export const SHARDS = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;

/** One hub and one cache, made anew for each test. */
export class Fixture {
  hub!: FakeHub;
  cacheDir!: string;
  verifiedDir!: string;
  /** What `note` was told. */
  notes: string[] = [];

  async open(): Promise<void> {
    this.hub = await FakeHub.start();
    this.cacheDir = await mkdtemp(join(tmpdir(), 'ff-hub-'));
    this.verifiedDir = await mkdtemp(join(tmpdir(), 'ff-verified-'));
    this.notes = [];
  }

  async close(): Promise<void> {
    this.hub.stop();
    for (const folder of [this.cacheDir, this.verifiedDir]) await rm(folder, { recursive: true, force: true });
  }

  /** One file of weights in LFS, two files of settings, and what a checkpoint does not need. */
  small(length = 200_000): this {
    this.hub.put('config.json', '{"model_type":"tiny"}').put('tokenizer.json', '{"version":"1.0"}');
    this.hub.put('model.safetensors', bytes(length), { lfs: true });
    this.hub.put('README.md', '# Tiny').put('pytorch_model.bin', bytes(1000), { lfs: true });
    return this;
  }

  /** Two shards and their index. */
  sharded(length = 60_000): this {
    const index = { metadata: {}, weight_map: { 'a.weight': SHARDS[0], 'b.weight': SHARDS[1], 'c.weight': SHARDS[0] } };
    this.hub.put('config.json', '{"model_type":"tiny"}').put('model.safetensors.index.json', JSON.stringify(index));
    SHARDS.forEach((shard, i) => void this.hub.put(shard, bytes(length + i, i + 1), { lfs: true }));
    this.hub.put('model-00001-of-00009.safetensors', 'left over', { lfs: true });
    return this;
  }

  get options(): DownloadOptions {
    const { endpoint } = this.hub;
    const note = (line: string) => void this.notes.push(line);
    const { cacheDir, verifiedDir } = this;
    return { endpoint, cacheDir, verifiedDir, token: false, offline: false, note, timing: TIMING };
  }

  download(options: DownloadOptions = {}): Promise<string> {
    return downloadModel(REPOSITORY, { ...this.options, ...options });
  }

  /** A path in the model's folder of the cache. */
  path(...parts: string[]): string {
    return join(this.cacheDir, 'models--owner--tiny-model', ...parts);
  }

  incomplete(path: string): string {
    return this.path('blobs', `${this.hub.oid(path)}.framefusion.incomplete`);
  }

  /** Bytes of a file that have arrived, while it is under way. */
  async arrived(path: string): Promise<number> {
    return (await stat(this.incomplete(path)).catch(() => ({ size: 0 }))).size;
  }

  /** Waits for something that another process or a connection does. */
  async until(condition: () => Promise<boolean>): Promise<void> {
    for (const start = performance.now(); !(await condition()); await sleep(5))
      if (performance.now() - start > 20_000) throw new Error('waited for 20 s in vain');
  }

  /** The files of a folder: name, and where it leads if it is a link. */
  async tree(folder: string): Promise<Record<string, string>> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
    const described = files.sort().map(async (file) => {
      const target = (await lstat(file)).isSymbolicLink() ? await readlink(file) : 'file';
      return [file.slice(folder.length + 1), target] as const;
    });
    return Object.fromEntries(await Promise.all(described));
  }

  /** Whether a downloaded file has the hub's bytes. */
  async same(folder: string, path: string): Promise<boolean> {
    return (await readFile(join(folder, path))).equals(this.hub.files.get(path)!.bytes);
  }
}
