/** What the hub knows about a repository, through `@huggingface/hub`: addresses, pages and shapes are its business. */
import { shownValue } from '../engine/text.ts';
import { HubError } from './errors.ts';
import type { Hub } from './hub.ts';
import { checkedFile, type HubFile, isCommit, isSafePath, type Listing } from './listing.ts';
import { request } from './request.ts';
import { retrying } from './retry.ts';

/** More than any page of a listing; beyond it, it is something else. */
const MAX_JSON_BYTES = 64 * 2 ** 20;

/** More than any listing of a model has. Whoever goes on is none. */
const MAX_PAGES = 500;
const MAX_FILES = 100_000;

/**
 * The commit that a branch, tag or short commit names.
 *
 * @throws RevisionError if there is none; HubError if the repository is not there or may not be read.
 */
export async function resolveRevision(hub: Hub, revision: string): Promise<string> {
  const { modelInfo } = await import('@huggingface/hub'); // who has a folder need not load it
  const sha = await asked(hub, async () => {
    const where = { hubUrl: hub.settings.endpoint, fetch: apiFetch(hub, revision) };
    return (await modelInfo({ name: hub.repository, revision, additionalFields: ['sha'], ...where })).sha;
  });
  if (typeof sha === 'string' && isCommit(sha)) return sha;
  throw unexpected(hub, `no commit, but ${shownValue(sha)}`);
}

/**
 * All files of the repository at a commit, but those whose names no disk should have.
 *
 * @throws HubError if they cannot be listed.
 */
export async function listRepository(hub: Hub, commit: string): Promise<Listing> {
  const { listFiles } = await import('@huggingface/hub');
  const listing = new Map<string, HubFile>();
  await asked(hub, async () => {
    const repo = { type: 'model', name: hub.repository } as const;
    const where = { hubUrl: hub.settings.endpoint, fetch: apiFetch(hub, commit) };
    for await (const { type, path, size, oid, lfs, xetHash } of listFiles({
      repo,
      revision: commit,
      recursive: true,
      ...where,
    })) {
      if (type !== 'file' || !isSafePath(path)) continue;
      const file = { path, size: lfs?.size ?? size, oid: lfs?.oid ?? oid ?? '', gitOid: oid ?? '', xetHash };
      listing.set(path, checkedFile(hub.settings.endpoint, file));
      if (listing.size > MAX_FILES) throw unexpected(hub, `more than ${MAX_FILES} files`);
    }
  });
  return listing;
}

/** The library trusts what it gets; a proxy's answer shows as a TypeError somewhere inside. */
async function asked<T>(hub: Hub, question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    if (error instanceof TypeError) throw unexpected(hub, error.message);
    throw error;
  }
}

function unexpected({ repository, settings }: Hub, fact: string, cause?: unknown): HubError {
  return new HubError(
    `${repository}: ${settings.endpoint} does not answer as the hub does (${fact}). Check HF_ENDPOINT and proxies.`,
    {
      cause,
    },
  );
}

/** `fetch` for the library: with the token, attempts and errors of this folder, only for JSON, and not for ever. */
function apiFetch(hub: Hub, revision: string): typeof fetch {
  const asked = new Set<string>();
  return (input) => {
    if (asked.has(String(input))) throw unexpected(hub, 'its listing goes round in a circle');
    asked.add(String(input));
    if (asked.size > MAX_PAGES) throw unexpected(hub, `more than ${MAX_PAGES} pages of a listing`);
    return retrying(hub, async () => {
      const subject = { name: hub.repository, revision };
      const answer = await request(hub, atEndpoint(hub, String(input)), subject, { accept: 'application/json' });
      try {
        const text = await textOf(hub, answer.chunks());
        parsed(hub, text);
        return new Response(text, { headers: answer.headers });
      } finally {
        answer.close();
      }
    });
  };
}

/** A mirror may pass on the hub's own links from one page to the next: it is the mirror that was chosen. */
function atEndpoint({ settings }: Hub, address: string): string {
  const { origin, pathname, search } = new URL(address);
  const path = pathname.slice(Math.max(0, pathname.indexOf('/api/')));
  return origin === new URL(settings.endpoint).origin ? address : `${settings.endpoint}${path}${search}`;
}

async function textOf(hub: Hub, chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of chunks) {
    bytes += part.length;
    if (bytes > MAX_JSON_BYTES) throw unexpected(hub, 'it does not stop talking');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function parsed(hub: Hub, text: string): void {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw unexpected(hub, text.trimStart().startsWith('<') ? 'a web page, no JSON' : 'no JSON', cause);
  }
}
