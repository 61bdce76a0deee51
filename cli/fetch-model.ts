import { WeightsError } from '../engine/errors.ts';
import { downloadModel } from '../hub/download.ts';
import type { ModelChoice } from '../library/catalogue.ts';
import { DownloadReport } from './download-report.ts';
import type { Log } from './log.ts';

/** A model whose files are on this machine. */
export interface LocalModel extends ModelChoice {
  readonly folder: string;
}

/**
 * Gets a model's files onto this machine, unless they are there.
 *
 * @throws InputError, WeightsError - whose message is the line to print.
 */
export async function fetchModel(choice: ModelChoice, log: Log): Promise<LocalModel> {
  const { name, folder, repository = name, revision } = choice;
  if (folder !== undefined) return { ...choice, folder };
  const report = new DownloadReport(repository, log);
  log.progress(`looking up ${repository}`);
  try {
    const found = await downloadModel(repository, {
      revision,
      note: (line) => log.note(`${log.tool}: ${line}`),
      progress: (progress) => report.update(progress),
    });
    report.finish();
    return { ...choice, folder: found };
  } catch (error) {
    // A mistyped folder looks like an id, too.
    if (!choice.guessed || report.started || !(error instanceof WeightsError)) throw error;
    throw new WeightsError(`${error.message} There is no folder ${name} either.`, { cause: error });
  } finally {
    log.clear();
  }
}
