/** Files that commands write at the end of their work. */
import { access, constants, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InputError } from '../engine/errors.ts';

/**
 * A file that cannot be written should be known before the work, not after it; `-` always can.
 *
 * @param flag - By which the file was named.
 * @throws InputError if the file's folder is not there or not writable.
 */
export async function checkWritable(flag: string, file: string | undefined): Promise<void> {
  if (file === undefined || file === '-') return;
  try {
    await access(dirname(file), constants.W_OK);
    const found = await stat(file).catch(() => undefined);
    if (found?.isDirectory()) throw new Error('it is a folder');
  } catch (cause) {
    throw new InputError(`${flag} ${file}: cannot be written: ${(cause as Error).message}.`, { cause });
  }
}

/**
 * Writes a file aside and renames it when whole; `-` is standard output.
 *
 * @throws InputError if it cannot be written.
 */
export async function writeOutput(flag: string, target: string, text: string | Uint8Array): Promise<void> {
  if (target === '-') {
    process.stdout.write(text);
    return;
  }
  const aside = join(dirname(target), `.${basename(target)}.${process.pid}`);
  try {
    await writeFile(aside, text);
    await rename(aside, target);
  } catch (cause) {
    await rm(aside, { force: true });
    throw new InputError(`${flag} ${target}: cannot be written: ${(cause as Error).message}.`, { cause });
  }
}

/** As {@link writeOutput}, what `--json` asked for. */
export function writeJson(target: string, report: unknown): Promise<void> {
  return writeOutput('--json', target, `${JSON.stringify(report, null, 2)}\n`);
}
