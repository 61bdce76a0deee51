/** Checkpoints without a file system: at an address, or in files that a page was given. For browsers, and for Node as well. */

import { InputError, WeightsError } from '../engine/errors.ts';
import { requireObject } from '../engine/misuse.ts';
import { withoutSecrets } from '../engine/text.ts';
import { BlockSource } from './block-source.ts';
import { openBlockStore } from './block-store.ts';
import { keptFetch } from './kept-fetch.ts';
import type { ByteSource, CheckpointFiles } from './safetensors.ts';

/** How to ask a server. */
export interface UrlFilesOptions {
  /** Sent with every request, as `{ authorization: 'Bearer ...' }`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends every request. */
  readonly signal?: AbortSignal;
  /** Whether a browser keeps what it reads for the next visit, as far as it has room. Default true. */
  readonly cache?: boolean;
  /** Instead of the platform's own. */
  readonly fetch?: typeof fetch;
}

/**
 * The files below an address, as `https://huggingface.co/<id>/resolve/main`. Weights are read by HTTP ranges as they are
 * needed, several megabytes at a time and several at once, everything else at once; a browser keeps the weights for the next
 * visit. In a browser the server must allow it (CORS).
 *
 * @throws WeightsError, when a file is opened or read, if the server refuses it, cannot be reached, or can send a file of
 *   more than 4 GiB only as a whole; InputError if the address holds a password.
 */
export function urlFiles(address: string | URL, options: UrlFilesOptions = {}): CheckpointFiles {
  if (!(typeof address === 'string' || address instanceof URL))
    throw new InputError(`urlFiles: it must be the address of a folder, got a ${typeof address}.`);
  const base = String(address).trim().replace(/\/+$/, '');
  if (withoutSecrets(base) !== base)
    throw new InputError(
      `urlFiles: ${withoutSecrets(base)}: the address must hold no user name or password. Give them by headers.`,
    );
  return {
    name: base,
    open: (file) => {
      const url = `${base}/${file.split('/').map(encodeURIComponent).join('/')}`;
      return file.endsWith('.safetensors') ? largeFile(url, options) : wholeFile(url, options);
    },
  };
}

/** A browser's `File`, and Node's. */
export interface ChosenFile extends Blob {
  readonly name: string;
  /** Its path below the chosen folder's parent; empty if it was chosen by itself. */
  readonly webkitRelativePath?: string;
}

/**
 * Files that a page was given, by `<input type=file webkitdirectory>` or dropped on it: those of one checkpoint, and its
 * folders if it has some.
 *
 * @param name - What errors call the checkpoint.
 */
export function blobFiles(files: Iterable<ChosenFile>, name = 'the chosen files'): CheckpointFiles {
  requireObject('blobFiles', 'a list of files', files);
  if (typeof files[Symbol.iterator] !== 'function') throw new InputError('blobFiles: it must be a list of files.');
  for (const file of files)
    if (!(file instanceof Blob) || typeof file.name !== 'string')
      throw new InputError('blobFiles: each of the list must be a file with a name, as an <input> gives them.');
  const all = [...files].map((file) => [file.webkitRelativePath || file.name, file] as const);
  // A folder that was chosen is the first part of every path in it.
  const first = /^[^/]+\//.exec(all[0]?.[0] ?? '')?.[0] ?? '';
  const root = all.every(([path]) => path.startsWith(first)) ? first : '';
  const byPath = new Map(all.map(([path, file]) => [path.slice(root.length), file]));
  return {
    name,
    open: async (file) => {
      const found = byPath.get(file);
      return found && blobSource(found, `${name}/${file}`);
    },
  };
}

function blobSource(blob: Blob, name: string): ByteSource {
  const read = async (offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> => {
    try {
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    } catch (cause) {
      throw new WeightsError(`${name}: cannot be read any more: ${String(cause)} Choose the files again.`, { cause });
    }
  };
  return { name, size: blob.size, read, close: async () => {} };
}

/** A file that is small enough to hold. */
async function wholeFile(url: string, options: UrlFilesOptions): Promise<ByteSource | undefined> {
  const response = await ask(url, {}, options);
  return response && blobSource(await bodyOf(url, () => response.blob()), url);
}

/** A file at an address that is too large to hold. */
async function largeFile(url: string, options: UrlFilesOptions): Promise<ByteSource | undefined> {
  const response = await ask(url, { method: 'HEAD' }, options);
  if (!response) return undefined;
  const { headers } = response;
  const size = Number(headers.get('content-length') ?? Number.NaN);
  // Ranges of what is packed for the way are not ranges of the file.
  if (!Number.isSafeInteger(size) || headers.get('content-encoding'))
    throw new WeightsError(`${url}: its server does not say how long it is. Serve it uncompressed, with its length.`);
  // Without a name for its contents, nobody could tell later whether the file is still the same.
  const version = headers.get('etag') ?? headers.get('last-modified');
  const keeps = options.cache !== false && version !== null;
  const store = keeps ? await openBlockStore(url, `${version} ${size}`) : undefined;
  // What is kept here is not kept by the browser's own cache as well, in which requests for one address wait for each other.
  const cache = store ? 'no-store' : 'default';
  return new BlockSource({
    name: url,
    size,
    ask: (from, to) => ask(url, { headers: { range: `bytes=${from}-${to}` }, cache }, options),
    take: (body) => bodyOf(url, body),
    store,
  });
}

/** What is used of a request's settings, of which Node's type lacks the cache. */
interface CachedInit extends RequestInit {
  readonly cache?: 'default' | 'no-store';
}

/** An answer; `undefined` if there is no such file. */
async function ask(url: string, init: CachedInit, options: UrlFilesOptions): Promise<Response | undefined> {
  const { headers, signal = null, cache = true } = options;
  const get = options.fetch ?? (cache ? keptFetch : fetch);
  const request = { ...init, headers: { ...headers, ...(init.headers as Record<string, string>) }, signal };
  const response = await bodyOf(url, () => get(url, request), 'Check the address and the network');
  if (response.ok) return response;
  await response.body?.cancel();
  if (response.status === 404) return undefined;
  const { status, statusText } = response;
  throw new WeightsError(
    `${url}: its server answered ${status} ${statusText}. Check the address, and who may read it.`,
  );
}

/** What a request gives, or one line about why it gives nothing. */
async function bodyOf<T>(url: string, request: () => Promise<T>, remedy = 'Try again'): Promise<T> {
  try {
    return await request();
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'AbortError') throw cause;
    const { message, cause: deeper } = cause as Error;
    const why = deeper instanceof Error && deeper.message ? `${message}: ${deeper.message}` : message;
    throw new WeightsError(`${url}: could not be read (${why}). ${remedy}; in a browser, its server must allow CORS.`, {
      cause,
    });
  }
}
