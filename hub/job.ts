import { readFile } from 'node:fs/promises';
import { bytesText, quoted } from '../engine/text.ts';
import { listRepository, resolveRevision } from './api.ts';
import { ModelCache } from './cache.ts';
import { checkpointFiles } from './checkpoint-files.ts';
import { checkSpace } from './disk.ts';
import { HubError, RevisionError } from './errors.ts';
import { forEachConcurrent } from './for-each-concurrent.ts';
import type { Hub } from './hub.ts';
import { type HubFile, isCommit, type Listing, writeListing } from './listing.ts';
import { type DownloadProgress, Meter } from './progress.ts';
import { transfer } from './transfer.ts';
import type { FileIdentity } from './verified.ts';

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

/** What the hub has of a revision. */
export interface Offered {
  readonly commit: string;
  readonly listing: Listing;
  /** Whether the listing is one that the cache has kept, and not the hub's answer of now. */
  readonly kept: boolean;
}

/** One connection does not fill a fast line; with many, none gets far before it breaks. */
const CONNECTIONS = 4;

/** Hashing less than this is no wait that a user would wonder about. */
const NOTED_BYTES = 2e9;

/** One model at one revision: what is cached, what the hub has, and the difference. */
export class Job {
  readonly #hub: Hub;
  readonly #revision: string;
  readonly #options: JobOptions;
  readonly #cache: ModelCache;
  #missing: readonly HubFile[] = [];

  constructor(hub: Hub, revision: string, options: JobOptions) {
    this.#hub = hub;
    this.#revision = revision;
    this.#options = options;
    this.#cache = new ModelCache(hub.settings, hub.repository);
  }

  /** The snapshot's folder where all is there, or what the hub offers. */
  async find(): Promise<string | Offered> {
    const cached = await this.#cached();
    const whole = cached.missing === undefined;
    if (this.#hub.settings.offline) {
      if (whole) return cached.folder;
      throw this.#notCached(cached);
    }
    if (whole && cached.listed && isCommit(this.#revision)) return cached.folder;
    return (await this.#lookUp(whole)) ?? cached.folder;
  }

  /** Bytes that are still to come. */
  async lacks(): Promise<number> {
    const each = await Promise.all(this.#missing.map((file) => this.#cache.lacks(file)));
    return each.reduce((sum, bytes) => sum + bytes, 0);
  }

  /**
   * Gets what is missing of an offer. A kept listing that does not lead to the files is asked for again.
   *
   * @returns The snapshot's folder.
   */
  async get({ commit, listing, kept }: Offered): Promise<string> {
    try {
      return await this.#get(commit, listing);
    } catch (error) {
      // A hub that could not be reached says nothing about the listing.
      if (!kept || !(error instanceof HubError) || error.transient || error.cause instanceof HubError) throw error;
      const now = await listRepository(this.#hub, commit);
      if (writeListing(now) === writeListing(listing)) throw error;
      return this.#get(commit, now);
    }
  }

  /** Gets one file of an offer, unless it is there; its path. */
  async getFile({ commit, listing }: Offered, path: string): Promise<string> {
    await this.#fetch(commit, [listing.get(path)!]);
    return this.#cache.pointer(commit, path);
  }

  /** The path of a file if the cache has it whole. */
  async cachedFile({ commit, listing }: Offered, path: string): Promise<string | undefined> {
    return (await this.#has(commit, listing.get(path)!)) ? this.#cache.pointer(commit, path) : undefined;
  }

  /** What the cache has, without the network. */
  async #cached(): Promise<Cached> {
    const commit = await this.#cache.commitOf(this.#revision);
    if (commit === undefined) return { folder: this.#cache.folder, missing: 'it was never downloaded', listed: false };
    const folder = this.#cache.snapshot(commit);
    const listing = await this.#cache.listing(commit);
    return { folder, missing: await this.#missingOf(commit, listing), listed: listing !== undefined };
  }

  /** The first fault of a snapshot, if any. */
  async #missingOf(commit: string, listing: Listing | undefined): Promise<string | undefined> {
    try {
      const readIndex = (path: string) => readFile(this.#cache.pointer(commit, path), 'utf8');
      const paths = await this.#wanted(listing ?? (await this.#cache.paths(commit)), readIndex);
      for (const path of paths)
        if (!(await this.#cache.has(commit, listing?.get(path) ?? { path }))) return `${path} is missing`;
      return await this.#damagedOf(commit, listing, paths);
    } catch (error) {
      if (!(error instanceof HubError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return 'it is not complete';
    }
  }

  /** The first of some files that has other bytes than it should. Files that were never looked at are read. */
  async #damagedOf(
    commit: string,
    listing: Listing | undefined,
    paths: readonly string[],
  ): Promise<string | undefined> {
    const { signal, note, repository } = this.#hub;
    const unknown: (readonly [path: string, file: FileIdentity])[] = [];
    for (const path of paths) {
      const file = listing?.get(path) ?? (await this.#cache.identity(commit, path));
      if (file && !(await this.#cache.verified.knows(this.#cache.pointer(commit, path), file)))
        unknown.push([path, file]);
    }
    const bytes = unknown.reduce((sum, [, { size }]) => sum + size, 0);
    if (bytes > NOTED_BYTES) note(`${repository}: checking ${bytesText(bytes)} in the cache, which is done once.`);
    for (const [path, file] of unknown)
      if (!(await this.#cache.isIntact(commit, path, file, signal))) return `${path} is damaged`;
    return undefined;
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
  async #lookUp(whole: boolean): Promise<Offered | undefined> {
    const timing = { ...this.#hub.settings.timing, ...(whole ? { attempts: 1 } : {}) };
    const hub = { ...this.#hub, settings: { ...this.#hub.settings, timing } };
    try {
      const commit = isCommit(this.#revision) ? this.#revision : await resolveRevision(hub, this.#revision);
      const kept = await this.#cache.listing(commit);
      return { commit, listing: kept ?? (await listRepository(hub, commit)), kept: kept !== undefined };
    } catch (error) {
      if (!whole || !(error instanceof HubError) || error instanceof RevisionError) throw error;
      hub.note(`${error.message} Using what is in the cache.`);
      return undefined;
    }
  }

  /** Gets what is missing; only when all is there, the listing is kept and the revision names the commit. */
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
    await this.#cache.keepListing(commit, listing);
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

  async #has(commit: string, file: HubFile): Promise<boolean> {
    return (
      (await this.#cache.has(commit, file)) && (await this.#cache.isIntact(commit, file.path, file, this.#hub.signal))
    );
  }

  /** Gets those of `files` that are not there, a few at a time. */
  async #fetch(
    commit: string,
    files: readonly HubFile[],
    report?: (progress: DownloadProgress) => void,
  ): Promise<void> {
    const cache = this.#cache;
    const there = await Promise.all(files.map((file) => this.#has(commit, file)));
    this.#missing = files.filter((_, index) => !there[index]);
    if (this.#missing.length === 0) return;
    await cache.prepare();
    await checkSpace(this.#hub.repository, cache.root, await this.lacks());
    const meter = new Meter(files, there, report);
    await forEachConcurrent(this.#missing, CONNECTIONS, (file, stop) => {
      const index = files.indexOf(file);
      const progress = (done: number, received: number) => meter.set(index, done, received);
      const hub = { ...this.#hub, signal: AbortSignal.any([this.#hub.signal, stop]) };
      return transfer(hub, { cache, commit, file, progress });
    });
    meter.flush();
  }
}
