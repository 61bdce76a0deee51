/** From an address in a request to bytes or a file of this machine, and what tells it from others. */
import { createHash, webcrypto } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { LRUCache } from 'lru-cache';
import { VideoError } from '../media/errors.ts';
import { fetchToFile } from '../media/fetch-file.ts';
import { readDataUrl } from './data-url.ts';
import { ApiError, badRequest } from './errors.ts';
import { allowedFile } from './media-root.ts';

/** What addresses may name, and how much of it. */
export interface SourceLimits {
  /** Folders, resolved. */
  readonly mediaRoots: readonly string[];
  /** Absent where nothing is fetched. */
  readonly fetch: typeof fetch | undefined;
  readonly maxBytes: number;
  readonly timeoutSeconds: number;
}

/** A picture, a video, or the frames of one. */
export interface Source extends AsyncDisposable {
  /** A path, or bytes; several are frames. */
  readonly data: readonly (string | Uint8Array)[];
  /** MIME type where the address says one. */
  readonly type: string | undefined;
  /** The same for the same content. */
  readonly hash: string;
}

/** Files that were hashed, by what changes with their content. */
const hashes = new LRUCache<string, string>({ max: 1000 });

/**
 * Reads an address.
 *
 * @param place - What errors call it: where it is in the request.
 * @throws ApiError if it is not allowed, or there is nothing.
 */
export async function openSource(
  url: string,
  place: string,
  limits: SourceLimits,
  signal: AbortSignal,
): Promise<Source> {
  if (/^data:/i.test(url)) return inlineSource(url, place);
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address?.protocol === 'file:') {
    const path = await allowedFile(address, limits.mediaRoots, place);
    return {
      data: [path],
      type: undefined,
      hash: await hashOfFile(path, place),
      [Symbol.asyncDispose]: async () => {},
    };
  }
  if (address && /^https?:$/.test(address.protocol)) return remoteSource(address, place, limits, signal);
  throw badRequest(`${place}: it must be a data:, http:, https: or file: address.`, { param: place });
}

async function inlineSource(url: string, place: string): Promise<Source> {
  const { type, parts } = readDataUrl(url, place);
  const hashes: string[] = [];
  for (const part of parts) hashes.push(Buffer.from(await webcrypto.subtle.digest('SHA-256', part)).toString('hex'));
  return { data: parts, type, hash: hashes.join(' '), [Symbol.asyncDispose]: async () => {} };
}

async function remoteSource(url: URL, place: string, limits: SourceLimits, signal: AbortSignal): Promise<Source> {
  const { fetch, maxBytes, timeoutSeconds } = limits;
  if (!fetch)
    throw new ApiError(
      403,
      `${place}: nothing is fetched. Send the file as a data: address, or start with --allow-remote.`,
      {
        param: place,
        code: 'remote_not_allowed',
      },
    );
  const options = { name: place, signal, timeoutSeconds, maxBytes, progress: undefined, fetch };
  const file = await fetchToFile(url, options).catch((error: unknown) => {
    throw refusalIn(error, place) ?? error;
  });
  const { path } = file;
  return {
    data: [path],
    type: undefined,
    hash: await hashOfFile(path, place),
    [Symbol.asyncDispose]: () => file.remove(),
  };
}

/** An address that is not allowed is hidden below what `fetch` makes of it. */
function refusalIn(error: unknown, place: string): ApiError | undefined {
  let cause = error;
  while (cause instanceof Error && !(cause instanceof ApiError)) ({ cause } = cause);
  if (!(cause instanceof ApiError)) return undefined;
  const { status, message, code } = cause;
  return new ApiError(status, `${place}: ${message}`, { param: place, cause, ...(code !== null && { code }) });
}

async function hashOfFile(path: string, place: string): Promise<string> {
  try {
    const { size, mtimeMs, ino, dev } = await stat(path);
    const version = [path, dev, ino, size, mtimeMs].join(' ');
    const known = hashes.get(version);
    if (known) return known;
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    const digest = hash.digest('hex');
    hashes.set(version, digest);
    return digest;
  } catch (cause) {
    throw new VideoError(place, 'it cannot be read.', { cause });
  }
}
