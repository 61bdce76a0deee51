import { readFile } from 'node:fs/promises';
import { quoted } from '../engine/text.ts';
import { listRepository, resolveRevision } from './api.ts';
import { ModelCache } from './cache.ts';
import { checkpointFiles } from './checkpoint-files.ts';
import { checkSpace } from './disk.ts';
import { HubError, RevisionError } from './errors.ts';
import { inTurns } from './in-turns.ts';
import { type HubFile, isCommit, type Listing } from './listing.ts';
import { type DownloadProgress, Meter } from './progress.ts';
import type { Hub } from './request.ts';
import { transfer } from './transfer.ts';

/** What to get. */
export interface JobOptions {
  /** Paths to get instead of what a checkpoint needs. */
  readonly files?: readonly string[] | undefined;
  /** Called before the first byte, at most ten times a second and at the end; not at all if everything is there. */
  readonly progress?: ((progress: DownloadProgress) => void) | undefined;
}

/** What the cache has of a revision. */
interface Cached {
  readonly folder: string;
  /** What it lacks, if anything. */
  readonly missing: string | undefined;
  /** Whether what the repository lists is known, so that nothing can be missing unnoticed. */
  readonly listed: boolean;
}

/** One connection does not fill a fast line; with many, none gets far before it breaks. */
const CONNECTIONS = 4;

/** One model at one revision: what is cached, what the hub has, and the difference. */
export class Job {
  readonly #hub: Hub;
  readonly #revision: string;
  readonly #options: JobOptions;
  readonly #stop: AbortController;
  readonly #cache: ModelCache;
  #missing: readonly HubFile[] = [];

  /** @param stop - Aborts `hub.signal`. */
  constructor(hub: Hub, revision: string, options: JobOptions, stop: AbortController) {
    this.#hub = hub;
    this.#revision = revision;
    this.#options = options;
    this.#stop = stop;
    this.#cache = new ModelCache(hub.settings, hub.repository);
  }

  /** The snapshot's folder. */
  async run(): Promise<string> {
    const cached = await this.#cached();
    const whole = cached.missing === undefined;
    if (this.#hub.settings.offline) {
      if (whole) return cached.folder;
      throw this.#notCached(cached);
    }
    if (whole && cached.listed && isCommit(this.#revision)) return cached.folder;
    const found = await this.#lookUp(whole);
    return found ? this.#get(found.commit, found.listing) : cached.folder;
  }

  /** Bytes that are still to come. */
  async lacks(): Promise<number> {
    const each = await Promise.all(this.#missing.map((file) => this.#cache.lacks(file)));
    return each.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** What the cache has, without the network. */
  async #cached(): Promise<Cached> {
    const commit = await this.#cache.commitOf(this.#revision);
    if (commit === undefined) return { folder: this.#cache.folder, missing: 'it was never downloaded', listed: false };
    const folder = this.#cache.snapshot(commit);
    const listing = await this.#cache.listing(commit);
    const listed = listing !== undefined;
    try {
      const readIndex = (path: string) => readFile(this.#cache.pointer(commit, path), 'utf8');
      for (const path of await this.#wanted(listing ?? (await this.#cache.paths(commit)), readIndex))
        if (!(await this.#cache.has(commit, listing?.get(path) ?? { path })))
          return { folder, missing: `${path} is missing`, listed };
      return { folder, missing: undefined, listed };
    } catch (error) {
      if (!(error instanceof HubError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return { folder, missing: 'it is not complete', listed };
    }
  }

  #notCached({ missing, folder }: Cached): HubError {
    return new HubError(
      `${this.#hub.repository}: ${missing} (looked in ${folder}), and offline mode is on. Unset HF_HUB_OFFLINE, or name a folder.`,
    );
  }

  /**
   * Asks the hub what there is.
   *
   * @param whole - Whether the cache can stand in for a hub that does not answer; then nothing is returned.
   */
  async #lookUp(whole: boolean): Promise<{ commit: string; listing: Listing } | undefined> {
    const timing = { ...this.#hub.settings.timing, ...(whole ? { attempts: 1 } : {}) };
    const hub = { ...this.#hub, settings: { ...this.#hub.settings, timing } };
    try {
      const commit = isCommit(this.#revision) ? this.#revision : await resolveRevision(hub, this.#revision);
      const kept = await this.#cache.listing(commit);
      const listing = kept ?? (await listRepository(hub, commit));
      if (!kept) await this.#cache.keepListing(commit, listing);
      return { commit, listing };
    } catch (error) {
      if (!whole || !(error instanceof HubError) || error instanceof RevisionError) throw error;
      hub.note(`${error.message} Using what is in the cache.`);
      return undefined;
    }
  }

  /** Gets what is missing at a commit, and lets the revision name the commit only when all is there. */
  async #get(commit: string, listing: Listing): Promise<string> {
    const readIndex = async (path: string) => {
      await this.#fetch(commit, [listing.get(path)!]);
      return readFile(this.#cache.pointer(commit, path), 'utf8');
    };
    const paths = await this.#wanted(listing, readIndex);
    await this.#fetch(
      commit,
      paths.map((path) => listing.get(path)!),
      this.#options.progress,
    );
    await this.#cache.remember(this.#revision, commit);
    return this.#cache.snapshot(commit);
  }

  async #wanted(paths: Listing | Set<string>, readIndex: (path: string) => Promise<string>): Promise<string[]> {
    const name = this.#hub.repository;
    const has = (path: string) => paths.has(path);
    const { files } = this.#options;
    if (!files) return checkpointFiles({ name, has, keys: () => paths.keys() }, readIndex);
    const absent = files.find((path) => !has(path));
    if (absent === undefined) return [...new Set(files)];
    throw new HubError(`${name}: revision ${this.#revision} has no file ${quoted(absent)}. Check the name.`);
  }

  /** Gets those of `files` that are not there, a few at a time. */
  async #fetch(
    commit: string,
    files: readonly HubFile[],
    report?: (progress: DownloadProgress) => void,
  ): Promise<void> {
    const cache = this.#cache;
    const there = await Promise.all(files.map((file) => cache.has(commit, file)));
    this.#missing = files.filter((_, index) => !there[index]);
    if (this.#missing.length === 0) return;
    await cache.prepare();
    await checkSpace(this.#hub.repository, cache.root, await this.lacks());
    const meter = new Meter(files, there, report);
    await inTurns(this.#missing, CONNECTIONS, this.#stop, (file) => {
      const index = files.indexOf(file);
      const progress = (done: number, received: number) => meter.set(index, done, received);
      return transfer(this.#hub, { cache, commit, file, progress });
    });
    meter.flush();
  }
}
