/** The bytes of one file, from the hub to its blob. */

import { bytesText } from '../engine/text.ts';
import type { ModelCache } from './cache.ts';
import { HubError } from './errors.ts';
import { fileAddress, type Hub } from './hub.ts';
import type { HubFile } from './listing.ts';
import { FileLock } from './lock.ts';
import { PartialFile } from './partial-file.ts';
import { type Answer, request } from './request.ts';
import { retrying } from './retry.ts';

/** One file to get. */
export interface Transfer {
  readonly cache: ModelCache;
  readonly commit: string;
  readonly file: HubFile;
  /** Told how many bytes of the file are there, and how many of these just came from the network. */
  readonly progress: (there: number, received: number) => void;
}

/**
 * Gets one file into the cache and into its snapshot, unless another process does it meanwhile.
 *
 * @throws HubError if it cannot be had, or what comes is not what the hub lists.
 */
export async function transfer(hub: Hub, job: Transfer): Promise<void> {
  const { cache, commit, file, progress } = job;
  const { lockPollMs: pollMs, lockStaleMs: staleMs } = hub.settings.timing;
  const waiting = (holder: string) => hub.note(`${file.path}: waiting for ${holder}, which is downloading it.`);
  const lock = await FileLock.acquire(cache.lock(file), { pollMs, staleMs, signal: hub.signal, waiting });
  try {
    await cache.discardDamaged(commit, file, hub.signal);
    const isNew = !(await cache.hasBlob(file));
    if (!(await cache.has(commit, file))) {
      if (isNew) await download(hub, job, lock);
      const { symlinks } = cache;
      await cache.place(commit, file, isNew);
      if (isNew) await cache.verified.add(cache.pointer(commit, file.path), file);
      if (symlinks && !cache.symlinks)
        hub.note(`${cache.root}: there are no symbolic links here, so files are kept as copies.`);
    }
    progress(file.size, 0);
  } finally {
    lock.release();
  }
}

async function download(hub: Hub, { cache, commit, file, progress }: Transfer, lock: FileLock): Promise<void> {
  const hashed = (there: number) => progress(there, 0);
  const partial = await PartialFile.open(file, cache.incomplete(file), { signal: hub.signal, hashed });
  try {
    const fetched = new Fetch(hub, { commit, file, progress, partial, lock });
    const resumed = partial.length > 0;
    await fetched.complete();
    if (!partial.isWhole() && resumed) {
      hub.note(`${file.path}: what an earlier download left was damaged, so it starts again.`);
      await fetched.restart();
      await fetched.complete();
    }
    lock.check();
    if (!partial.isWhole()) {
      await partial.remove();
      throw damaged(hub, file);
    }
    await partial.moveTo(cache.blob(file));
  } finally {
    await partial.close();
  }
}

function damaged({ repository, settings }: Hub, { path, oid, size }: HubFile): HubError {
  const hash = oid.length === 40 ? 'git hash' : 'sha256';
  return new HubError(
    `${repository}: ${path}: the ${bytesText(size)} that came do not have the ${hash} that ${settings.endpoint} lists (${oid.slice(0, 12)}...). They were removed: run again.`,
  );
}

interface FetchOptions extends Omit<Transfer, 'cache'> {
  readonly partial: PartialFile;
  readonly lock: FileLock;
}

/** Requests until a partial file has all its bytes. */
class Fetch {
  readonly #hub: Hub;
  readonly #options: FetchOptions;
  readonly #name: string;
  readonly #url: string;
  /** Of the last answer: a server that has another file since then sends it whole. */
  #etag: string | undefined;

  constructor(hub: Hub, options: FetchOptions) {
    this.#hub = hub;
    this.#options = options;
    const { commit, file } = options;
    this.#name = `${hub.repository}: ${file.path}`;
    this.#url = fileAddress(hub, commit, file.path);
  }

  /** @throws HubError if the bytes stop coming. */
  async complete(): Promise<void> {
    const { partial, file } = this.#options;
    if (partial.length < file.size)
      await retrying(
        this.#hub,
        () => this.#attempt(),
        () => partial.length,
      );
  }

  async restart(): Promise<void> {
    this.#options.lock.check();
    await this.#options.partial.restart();
    this.#options.progress(0, 0);
  }

  async #attempt(): Promise<void> {
    const { commit, file, partial } = this.#options;
    const from = partial.length;
    const range = from > 0 ? { range: `bytes=${from}-`, ...(this.#etag && { 'if-range': this.#etag }) } : {};
    const subject = { name: this.#name, revision: commit, file: file.path };
    const answer = await request(this.#hub, this.#url, subject, range);
    try {
      this.#checkFile(answer);
      if (from > 0 && !continues(answer, from, file.size)) await this.restart();
      if (answer.status !== (partial.length > 0 ? 206 : 200))
        throw this.#again(`${answer.host} would not go on from byte ${from} (${answer.status})`);
      this.#checkLength(answer);
      const etag = answer.headers.get('etag') ?? '';
      this.#etag = etag.startsWith('"') ? etag : undefined; // a weak one never matches If-Range
      await this.#receive(answer);
    } finally {
      answer.close();
    }
  }

  async #receive(answer: Answer): Promise<void> {
    const { file, partial, progress } = this.#options;
    for await (const chunk of answer.chunks()) {
      if (partial.length + chunk.length > file.size) {
        await this.restart();
        throw this.#again(`${answer.host} sends more than the ${bytesText(file.size)} that the hub lists`);
      }
      await partial.append(chunk);
      progress(partial.length, chunk.length);
    }
    if (partial.length < file.size)
      throw this.#again(`${answer.host} stopped after ${bytesText(partial.length)} of ${bytesText(file.size)}`);
  }

  /** Whether it is the listed file that is offered, as far as the head of the answer tells. */
  #checkFile({ headers, hubHeaders, host }: Answer): void {
    const { file } = this.#options;
    if (headers.get('content-type')?.startsWith('text/html') && !file.path.endsWith('.html'))
      throw new HubError(
        `${this.#name}: ${host} sent a web page instead of the file. Is there a login page or a proxy in the way?`,
      );
    const own = hubHeaders.get('x-repo-commit') === null ? null : hubHeaders.get('etag');
    const offered = (hubHeaders.get('x-linked-etag') ?? own)?.replace(/^W\/|"/g, '');
    if (offered && offered.length === file.oid.length && offered !== file.oid)
      throw new HubError(`${this.#name}: the hub lists version ${file.oid}, but offers ${offered}. Run again.`);
  }

  #checkLength({ headers, host }: Answer): void {
    const { file, partial } = this.#options;
    const length = headers.get('content-length');
    if (length === null || (headers.get('content-encoding') ?? 'identity') !== 'identity') return;
    const wanted = file.size - partial.length;
    if (Number(length) !== wanted) throw this.#again(`${host} offers ${length} bytes where the hub lists ${wanted}`);
  }

  #again(fact: string): HubError {
    return new HubError(`${this.#name}: ${fact}.`, { transient: true });
  }
}

/** Whether an answer is the rest of the file from byte `from` on, and not another part or the whole. */
function continues({ status, headers }: Answer, from: number, size: number): boolean {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
  return status === 206 && Number(start) === from && (total === '*' || Number(total) === size);
}
