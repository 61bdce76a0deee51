/**
 * Checkpoints that stay in a browser: fetched whole, checked by their hash, found again, removed. Weights lie there in the blocks
 * in which `urlFiles` reads them, so that a download that breaks off goes on where it ended.
 */
import { WeightsError } from '../engine/errors.ts';
import { bytesText } from '../engine/text.ts';
import { BLOCK_BYTES } from './block-source.ts';
import { BLOCK, type BrowserCache, browserCache } from './block-store.ts';
import type { CheckpointFiles } from './safetensors.ts';

/** A file of weights, to be kept. */
export interface WantedFile {
  /** Its name below the checkpoint's address. */
  readonly file: string;
  /** Of its contents, in hexadecimal, if anybody says. */
  readonly sha256?: string | undefined;
}

/** How to fetch. */
export interface StoreOptions {
  /** Ends it; what has come stays, and the next call goes on there. */
  readonly signal?: AbortSignal;
  /** Told of bytes that are there, of how many. */
  readonly progress?: (done: number, of: number) => void;
}

/** How much of a checkpoint is there: nothing, some blocks, or all of it, checked. */
export type Stored = 'none' | 'part' | 'all';

/** The mark of a checkpoint that is there as a whole. */
const WHOLE = 'framefusion-whole';

/**
 * Fetches weights into the browser's storage.
 *
 * @param files - Those of `urlFiles`, at an address.
 * @throws WeightsError if a file is not there, is not what its hash says (it is removed), or there is no room for it; the
 *   signal's reason.
 */
export async function storeFiles(
  files: CheckpointFiles,
  wanted: readonly WantedFile[],
  { signal, progress }: StoreOptions = {},
): Promise<void> {
  const cache = await browserCache();
  if (!cache)
    throw new WeightsError(`${files.name}: this browser keeps nothing for this page. Leave its private mode.`);
  await cache.delete(wholeKey(files.name)); // until it is so again
  const sources = await Promise.all(wanted.map(async ({ file }) => requireSource(files, file)));
  const all = sum(sources.map(({ size }) => size));
  const held = await Promise.all(
    sources.map(({ size }, i) => heldBytes(cache, `${files.name}/${wanted[i]!.file}`, size)),
  );
  await requireRoom(files.name, all - sum(held));
  let done = 0;
  for (const [i, source] of sources.entries()) {
    const { file, sha256 } = wanted[i]!;
    const hash = await newHash();
    for (let at = 0; at < source.size; at += BLOCK_BYTES) {
      signal?.throwIfAborted();
      const bytes = await source.read(at, BLOCK_BYTES);
      hash.update(bytes);
      done += bytes.length;
      progress?.(done, all);
    }
    await source.close();
    const got = hash.digest('hex');
    if (sha256 === undefined || got === sha256) continue;
    await removeBelow(cache, `${files.name}/${file}`);
    throw new WeightsError(
      `${files.name}/${file}: what came has SHA-256 ${got.slice(0, 12)}..., expected ${sha256.slice(0, 12)}.... It was removed: download it again.`,
    );
  }
  const blocks = sum(sources.map(({ size }) => Math.ceil(size / BLOCK_BYTES)));
  if ((await blocksBelow(cache, `${files.name}/`)).length < blocks)
    throw new WeightsError(
      `${files.name}: the browser's storage did not take all of it. Remove a model, or free some disk.`,
    );
  await cache.put(wholeKey(files.name), new Response(''));
}

/** What is there of the checkpoint at an address. */
export async function storedFiles(address: string): Promise<Stored> {
  const cache = await browserCache();
  if (!cache) return 'none';
  if (await cache.match(wholeKey(address))) return 'all';
  return (await blocksBelow(cache, `${address}/`)).length > 0 ? 'part' : 'none';
}

/** Removes all that is there of it. */
export async function removeFiles(address: string): Promise<void> {
  const cache = await browserCache();
  if (cache) await removeBelow(cache, `${address}/`); // and not of one whose name begins alike
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

const wholeKey = (address: string): string => `${address}/?${WHOLE}`;

async function requireSource(files: CheckpointFiles, file: string) {
  const source = await files.open(file);
  if (!source) throw new WeightsError(`${files.name}/${file}: its server has it no more.`);
  return source;
}

/** Where the browser says how much it gives. */
async function requireRoom(name: string, bytes: number): Promise<void> {
  const { navigator } = globalThis as {
    navigator?: { storage?: { estimate(): Promise<Estimate>; persist(): Promise<boolean> } };
  };
  const { quota, usage = 0 } = (await navigator?.storage?.estimate()) ?? {};
  await navigator?.storage?.persist?.(); // so that it is not the first to go where the disk is short
  if (quota === undefined) return;
  const free = Math.max(0, quota - usage); // a browser may hold more than it would take today
  if (bytes <= free) return;
  throw new WeightsError(
    `${name}: it needs ${bytesText(bytes)} of the browser's storage, and ${bytesText(free)} are free. Remove a model, or free some disk.`,
  );
}

interface Estimate {
  readonly quota?: number;
  readonly usage?: number;
}

async function keysBelow(cache: BrowserCache, address: string): Promise<string[]> {
  const keys = (await cache.keys()).map(({ url }) => url);
  return keys.filter((url) => url.startsWith(new URL(address).href));
}

async function blocksBelow(cache: BrowserCache, address: string): Promise<string[]> {
  return (await keysBelow(cache, address)).filter((url) => new URL(url).searchParams.has(BLOCK));
}

/** Bytes that are there of the file at an address. @param size - Of all of it: its last block is smaller. */
async function heldBytes(cache: BrowserCache, address: string, size: number): Promise<number> {
  const blocks = (await blocksBelow(cache, `${address}?`)).map((url) => Number(new URL(url).searchParams.get(BLOCK)));
  return sum(blocks.map((block) => Math.min(BLOCK_BYTES, size - block * BLOCK_BYTES)));
}

async function removeBelow(cache: BrowserCache, address: string): Promise<void> {
  for (const url of await keysBelow(cache, address)) await cache.delete(url);
}

/** SHA-256 piece by piece, which the browser's own cannot. */
async function newHash() {
  const { createSHA256 } = await import('hash-wasm');
  return (await createSHA256()).init();
}
