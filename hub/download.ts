/** A model by its Hugging Face id, in the cache that Hugging Face's tools share. Node only. */

import { InputError } from '../engine/errors.ts';
import { quoted } from '../engine/text.ts';
import { diskError } from './disk.ts';
import { Job, type JobOptions } from './job.ts';
import type { Hub } from './request.ts';
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
  const { revision = 'main', signal, note = () => undefined } = options;
  checkNames(repository, revision);
  const settings = hubSettings(options);
  const stop = new AbortController();
  const signals = AbortSignal.any(signal ? [signal, stop.signal] : [stop.signal]);
  const hub: Hub = { settings, repository, fetch: options.fetch ?? fetch, signal: signals, note };
  const job = new Job(hub, revision, options, stop);
  try {
    signal?.throwIfAborted();
    return await job.run();
  } catch (error) {
    signal?.throwIfAborted();
    throw await diskError(error, repository, settings.cacheDir, () => job.lacks());
  }
}

function checkNames(repository: string, revision: string): void {
  const word = /^\w(?:[\w.-]*\w)?$/;
  const names = repository.split('/');
  if (names.length > 2 || !names.every((name) => word.test(name)) || /--|\.\.|\.git$/.test(repository))
    throw new InputError(`${quoted(repository)} is no Hugging Face id: expected owner/name.`);
  // It becomes a path in refs/.
  if (!revision.split('/').every((part) => /^[^\\:\s.][^\\:\s]*$/.test(part)))
    throw new InputError(`${repository}: ${quoted(revision)} is no revision: expected a branch, tag or commit.`);
}
