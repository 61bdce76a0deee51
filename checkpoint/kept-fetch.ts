/** `fetch` that remembers: small files and what servers say of large ones are there without a network, at the next visit. */
import { browserCache } from './block-store.ts';

/** What is kept: versions that have a name, and that a file is not there. */
const isKept = ({ status, headers }: Response): boolean =>
  status === 404 || (status === 200 && (headers.has('etag') || headers.has('last-modified')));

/** As `fetch`. What the network does not give comes from the browser's storage, if it was given once. */
export const keptFetch: typeof fetch = async (input, init = {}) => {
  const { method = 'GET', headers } = init;
  if (new Headers(headers).has('range')) return fetch(input, init); // blocks have a store of their own
  const cache = await browserCache();
  if (!cache) return fetch(input, init);
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  const key = new URL(String(input), location?.href);
  key.searchParams.set('framefusion-file', method);
  try {
    const response = await fetch(input, init);
    if (isKept(response)) await cache.put(key.href, asKept(response.clone())).catch(() => undefined);
    return response;
  } catch (error) {
    const kept = (error as Error).name === 'AbortError' ? undefined : await cache.match(key.href);
    if (!kept) throw error;
    return new Response(kept.body, { status: Number(kept.headers.get(STATUS)), headers: kept.headers });
  }
};

/** Caches take no answer but a good one: its status travels among its headers. */
const STATUS = 'x-framefusion-status';

function asKept(response: Response): Response {
  const headers = new Headers(response.headers);
  headers.set(STATUS, String(response.status));
  return new Response(response.body, { headers });
}
