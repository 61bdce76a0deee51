import { resolve } from 'node:path';
import { folderFiles } from '../checkpoint/file-source.ts';
import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { urlFiles } from '../checkpoint/web-source.ts';
import { WeightsError } from '../engine/errors.ts';
import { type FoundModel, findModel } from '../hub/download.ts';
import type { ModelChoice } from '../library/catalogue.ts';
import { publishedFiles } from '../library/published.ts';
import { DownloadReport } from './download-report.ts';
import type { Log } from './log.ts';

/** A model that can be planned for at once, and loaded when it has come. */
export interface AvailableModel extends ModelChoice {
  /** Settings, tokenizer and headers: what a plan reads. */
  readonly files: CheckpointFiles;
  /** Of a model of the hub, which it is now. */
  readonly commit?: string;
  /** Gets what is missing. @returns The same files, to load from. @throws WeightsError, whose message is the line to print. */
  fetch(): Promise<CheckpointFiles>;
}

/** A model whose files are on this machine. */
export interface LocalModel extends ModelChoice {
  readonly folder: string;
}

/**
 * Finds a model: here, at an address, or at the hub, from where no weights are downloaded yet.
 *
 * @throws InputError, WeightsError - whose message is the line to print.
 */
export async function findChoice(choice: ModelChoice, log: Log): Promise<AvailableModel> {
  const { folder, address } = choice;
  if (folder !== undefined) return at(choice, folderFiles(folder));
  if (address !== undefined) return at(choice, urlFiles(address));
  const { found, report } = await lookUp(choice, log);
  const fetch = async () => folderFiles(await downloaded(found, log, report));
  return { ...choice, commit: found.commit, files: found.files, fetch };
}

/** Which model it is, where a name could be that of another: `owner/name@commit`, an address, or the path of a folder. */
export function sourceOf({ name, repository = name, commit, address, files }: AvailableModel): string {
  if (commit !== undefined) return `${repository}@${commit}`;
  return address === undefined ? resolve(files.name) : files.name;
}

/**
 * Finds a model for a plan, which needs no weights, and of one that the package knows no network either.
 *
 * @throws as {@link findChoice}.
 */
export async function findPlanned(choice: ModelChoice, log: Log): Promise<AvailableModel> {
  if (choice.folder !== undefined || choice.address !== undefined) return findChoice(choice, log);
  const cached = await findModel(choice.repository ?? choice.name, { revision: choice.revision, offline: true }).catch(
    () => undefined,
  );
  const files = cached?.files ?? (await publishedFiles(choice.name));
  if (!files) return findChoice(choice, log);
  if (!cached) log.note(`${log.tool}: planned from the published sizes of ${choice.name}; nothing is downloaded.`);
  return at(choice, files);
}

/** Gets a model's files onto this machine, unless they are there. @throws as {@link findChoice}. */
export async function fetchModel(choice: ModelChoice, log: Log): Promise<LocalModel> {
  if (choice.folder !== undefined) return { ...choice, folder: choice.folder };
  const { found, report } = await lookUp(choice, log);
  return { ...choice, folder: await downloaded(found, log, report) };
}

function at(choice: ModelChoice, files: CheckpointFiles): AvailableModel {
  return { ...choice, files, fetch: async () => files };
}

async function lookUp(
  { name, repository = name, revision, guessed }: ModelChoice,
  log: Log,
): Promise<{ found: FoundModel; report: DownloadReport }> {
  const report = new DownloadReport(repository, log);
  log.progress(`looking up ${repository}`);
  try {
    const found = await findModel(repository, {
      revision,
      note: (line) => log.note(`${log.tool}: ${line}`),
      progress: (progress) => report.update(progress),
    });
    return { found, report };
  } catch (error) {
    // A mistyped folder looks like an id, too.
    if (!guessed || !(error instanceof WeightsError)) throw error;
    throw new WeightsError(`${error.message} There is no folder ${name} either.`, { cause: error });
  } finally {
    log.clear();
  }
}

async function downloaded(found: FoundModel, log: Log, report: DownloadReport): Promise<string> {
  const folder = await found.download().finally(() => log.clear());
  report.finish();
  return folder;
}
