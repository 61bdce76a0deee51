/** A model by its Hugging Face id, in the cache that Hugging Face's tools share. Node only. */
import { basename } from 'node:path';
import { fileSource, folderFiles } from '../checkpoint/file-source.ts';
import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { InputError } from '../engine/errors.ts';
import { quoted } from '../engine/text.ts';
import { diskError } from './disk.ts';
import type { Hub } from './hub.ts';
import { Job, type JobOptions, type Offered } from './job.ts';
import { RemoteFile } from './remote-file.ts';
import { hubSettings, type SettingsOptions } from './settings.ts';

export type { DownloadProgress, FileProgress } from './progress.ts';
export type { HubTiming } from './settings.ts';

/** What to get, from where, and who wants to know about it. */
export interface DownloadOptions extends SettingsOptions, JobOptions {
  /** A branch, tag or commit; `main` unless given. */
  readonly revision?: string | undefined;
  /** Told in one line what a user should know although the work goes on. */
  readonly note?: ((line: string) => void) | undefined;
  /** Ends the download; what has arrived is kept. */
  readonly signal?: AbortSignal | undefined;
  /** Instead of Node's own, for proxies. */
  readonly fetch?: typeof fetch | undefined;
}

/** A model that has been looked up: what a plan needs at once, and the weights when they are wanted. */
export interface FoundModel {
  /** The commit that its revision means now, or meant when it came. */
  readonly commit: string;
  /**
   * Its files. Settings and tokenizer are downloaded when they are opened; weights that are not in the cache are read by
   * ranges, which is meant for their headers.
   */
  readonly files: CheckpointFiles;
  /** Gets all that is missing, of the same commit. @returns The snapshot's folder. @throws as {@link downloadModel}. */
  download(): Promise<string>;
}

/**
 * Gets a model into the cache, or what is missing of it, and verifies what comes. Where the hub cannot be reached,
 * a model that is complete in the cache is used as it is.
 *
 * @param repository - `owner/name`.
 * @returns The snapshot's folder.
 * @throws InputError if an argument or a variable is wrong; HubError, which is a WeightsError, if the model cannot be
 *   had, with a message of one line; the signal's reason if it aborts.
 */
export async function downloadModel(repository: string, options: DownloadOptions = {}): Promise<string> {
  return (await findModel(repository, options)).download();
}

/**
 * Looks a model up, and downloads nothing yet.
 *
 * @throws as {@link downloadModel}.
 */
export async function findModel(repository: string, options: DownloadOptions = {}): Promise<FoundModel> {
  const { revision = 'main', note = () => undefined } = options;
  checkNames(repository, revision);
  const settings = hubSettings(options);
  const signal = options.signal ?? new AbortController().signal;
  const hub: Hub = { settings, repository, fetch: options.fetch ?? fetch, signal, note };
  const job = new Job(hub, revision, options);
  const told = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      signal.throwIfAborted();
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      throw await diskError(error, repository, settings.cacheDir, () => job.lacks());
    }
  };
  const found = await told(() => job.find());
  // A snapshot's folder is called by its commit.
  if (typeof found === 'string')
    return { commit: basename(found), files: folderFiles(found), download: async () => found };
  // Shared, since a plan may read the same header several times.
  const remote = new Map<string, RemoteFile>();
  return {
    commit: found.commit,
    files: { name: repository, open: (path) => told(() => openOffered({ hub, job, remote }, found, path)) },
    download: () => told(() => job.get(found)),
  };
}

interface Opening {
  readonly hub: Hub;
  readonly job: Job;
  readonly remote: Map<string, RemoteFile>;
}

async function openOffered({ hub, job, remote }: Opening, offered: Offered, path: string) {
  const file = offered.listing.get(path);
  if (!file) return undefined;
  const stays = path.endsWith('.safetensors');
  const cached = stays ? await job.cachedFile(offered, path) : await job.getFile(offered, path);
  if (cached !== undefined) return fileSource(cached);
  const known = remote.get(path) ?? new RemoteFile(hub, offered.commit, file);
  remote.set(path, known);
  return known;
}

function checkNames(repository: string, revision: string): void {
  const word = /^\w(?:[\w.-]*\w)?$/;
  const names = repository.split('/');
  if (names.length > 2 || !names.every((name) => word.test(name)) || /--|\.\.|\.git$/.test(repository))
    throw new InputError(`${quoted(repository)} is no Hugging Face id: expected owner/name.`);
  // It becomes a path in refs/.
  if (!revision.split('/').every((part) => /^[^\\:\s\p{C}.][^\\:\s\p{C}]{0,199}$/u.test(part)))
    throw new InputError(`${repository}: ${quoted(revision)} is no revision: expected a branch, tag or commit.`);
}
