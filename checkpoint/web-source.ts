/** Checkpoints without a file system: at an address, or in files that a page was given. For browsers, and for Node as well. */
import { WeightsError } from '../engine/errors.ts';
import type { ByteSource, CheckpointFiles } from './safetensors.ts';

/** How to ask a server. */
export interface UrlFilesOptions {
  /** Sent with every request, as `{ authorization: 'Bearer ...' }`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends every request. */
  readonly signal?: AbortSignal;
  /** Instead of the platform's own. */
  readonly fetch?: typeof fetch;
}

/**
 * The files below an address, as `https://huggingface.co/<id>/resolve/main`. Weights are read by HTTP ranges as they are
 * needed, everything else at once. In a browser the server must allow it (CORS).
 *
 * @throws WeightsError, when a file is opened or read, if the server refuses it, cannot be reached or ignores ranges.
 */
export function urlFiles(address: string | URL, options: UrlFilesOptions = {}): CheckpointFiles {
  const name = String(address).replace(/\/+$/, '');
  return {
    name,
    open: (file) => {
      const url = `${name}/${file.split('/').map(encodeURIComponent).join('/')}`;
      return file.endsWith('.safetensors') ? RangeSource.open(url, options) : wholeFile(url, options);
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

/** A file at an address that is read by ranges. */
class RangeSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #options: UrlFilesOptions;

  private constructor(name: string, size: number, options: UrlFilesOptions) {
    this.name = name;
    this.size = size;
    this.#options = options;
  }

  static async open(url: string, options: UrlFilesOptions): Promise<RangeSource | undefined> {
    const response = await ask(url, { method: 'HEAD' }, options);
    if (!response) return undefined;
    const size = Number(response.headers.get('content-length') ?? Number.NaN);
    // Ranges of what is packed for the way are not ranges of the file.
    if (!Number.isSafeInteger(size) || response.headers.get('content-encoding'))
      throw new WeightsError(`${url}: its server does not say how long it is. Serve it uncompressed, with its length.`);
    return new RangeSource(url, size, options);
  }

  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (length === 0) return new Uint8Array();
    const range = `bytes=${offset}-${offset + length - 1}`;
    const response = await ask(this.name, { headers: { range } }, this.#options);
    if (response?.status !== 206) {
      await response?.body?.cancel(); // It may be all of 16 GB.
      const answer = response ? `answered ${response.status} to a range` : 'has it no more';
      throw new WeightsError(`${this.name}: its server ${answer}, expected 206. Use one that serves ranges.`);
    }
    return new Uint8Array(await bodyOf(this.name, () => response.arrayBuffer()));
  }

  async close(): Promise<void> {}
}

/** An answer; `undefined` if there is no such file. */
async function ask(url: string, init: RequestInit, options: UrlFilesOptions): Promise<Response | undefined> {
  const { headers, signal = null, fetch: get = fetch } = options;
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
