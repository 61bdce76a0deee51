/** Blocks of files that stay in the browser from one visit to the next, in its Cache API. */

/** Keeps the blocks of one version of one file. */
export interface BlockStore {
  get(index: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Where there is no room, nothing is kept. */
  put(index: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
}

const CACHE = 'framefusion-webgpu';
const VERSION = 'framefusion-version';
export const BLOCK = 'framefusion-block';

/** What is used of a browser's `Cache`, whose types Node has not. */
export interface BrowserCache {
  keys(url?: string, options?: { readonly ignoreSearch: boolean }): Promise<readonly { readonly url: string }[]>;
  match(url: string): Promise<Response | undefined>;
  put(url: string, response: Response): Promise<void>;
  delete(url: string): Promise<boolean>;
}

/** And of its `CacheStorage`. */
export interface BrowserCaches {
  open(name: string): Promise<BrowserCache>;
}

/** Node has none, and neither has a page that is not from https or localhost. */
const platform = (): BrowserCaches | undefined => (globalThis as { readonly caches?: BrowserCaches }).caches;

/** All that is kept for the page; `undefined` where the platform keeps nothing. */
export async function browserCache(caches = platform()): Promise<BrowserCache | undefined> {
  try {
    return await caches?.open(CACHE);
  } catch {
    return undefined; // a browser may refuse storage: weights are fetched, then
  }
}

/**
 * The store of a file, without blocks of its other versions.
 *
 * @param version - What the server calls the file's present contents.
 * @returns `undefined` where the platform keeps nothing.
 */
export async function openBlockStore(
  url: string,
  version: string,
  caches = platform(),
): Promise<BlockStore | undefined> {
  const cache = await browserCache(caches);
  if (!cache) return undefined;
  try {
    for (const key of await cache.keys(url, { ignoreSearch: true }))
      if (isBlockOfOther(key.url, version)) await cache.delete(key.url);
    return new CacheBlocks(cache, url, version);
  } catch {
    return undefined;
  }
}

function isBlockOfOther(url: string, version: string): boolean {
  const { searchParams } = new URL(url);
  return searchParams.has(BLOCK) && searchParams.get(VERSION) !== version;
}

class CacheBlocks implements BlockStore {
  readonly #cache: BrowserCache;
  readonly #url: string;
  readonly #version: string;

  constructor(cache: BrowserCache, url: string, version: string) {
    this.#cache = cache;
    this.#url = url;
    this.#version = version;
  }

  async get(index: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const found = await this.#cache.match(this.#key(index)).catch(() => undefined);
    return found && new Uint8Array(await found.arrayBuffer());
  }

  async put(index: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#cache.put(this.#key(index), new Response(bytes)).catch(() => undefined);
  }

  #key(index: number): string {
    const key = new URL(this.#url);
    key.searchParams.set(VERSION, this.#version);
    key.searchParams.set(BLOCK, String(index));
    return key.href;
  }
}
