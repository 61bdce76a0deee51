/** A folder that is filled aside and appears whole, or not at all. */
import { existsSync, lstatSync, mkdirSync, renameSync } from 'node:fs';
import { access, constants, readdir, realpath, statfs } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { InputError } from '../../engine/errors.ts';
import { bytesText } from '../../engine/text.ts';
import { reasonOf } from '../errors.ts';
import { asideName, Leftover, sweep } from '../leftovers.ts';

/**
 * What can be known before the work: whether the folder may be made, or replaced.
 *
 * @param force - Whether a checkpoint that is there may be replaced; nothing else is.
 * @throws InputError if not.
 */
export async function checkNewFolder(out: string, { force }: { force: boolean }): Promise<void> {
  const path = resolve(out);
  try {
    await access(`${dirname(path)}/.`, constants.W_OK); // with the dot, a file is no folder
  } catch (cause) {
    throw cannotWrite(out, cause as Error);
  }
  if (lstatSync(path, { throwIfNoEntry: false })) {
    if (!force) throw new InputError(`--out ${out}: it exists. Name another folder, or use --force to replace it.`);
    if (!(await isReplaceable(path)))
      throw new InputError(
        `--out ${out}: it is no checkpoint (no config.json), which is all that --force replaces. Name another folder.`,
      );
  }
}

async function isReplaceable(path: string): Promise<boolean> {
  const files = await readdir(path).catch(() => undefined);
  return files !== undefined && (files.length === 0 || files.includes('config.json'));
}

/** @throws InputError if replacing `out` would remove `source`. */
export async function checkApart(out: string, source: string): Promise<void> {
  const target = await realpath(out).catch(() => undefined);
  if (target === undefined) return;
  const way = relative(target, await realpath(source));
  if (!way.startsWith('..') && !isAbsolute(way))
    throw new InputError(`--out ${out}: the checkpoint to be converted is there. Name another folder.`);
}

/** @throws InputError if the disk has no room for `needed` bytes. Where it does not say, nobody is hindered. */
export async function checkRoom(out: string, needed: number): Promise<void> {
  const disk = await statfs(dirname(resolve(out))).catch(() => undefined);
  if (!disk) return;
  const free = disk.bavail * disk.bsize;
  if (free < needed)
    throw new InputError(
      `--out ${out}: the result takes ${bytesText(needed)}, and ${bytesText(free)} are free there. Make room, or name a folder on another disk.`,
    );
}

/** What the file system refuses as one line about `--out`; anything else as it is. */
export function outputError(out: string, error: unknown): unknown {
  const { syscall } = error as NodeJS.ErrnoException;
  const isOurs = error instanceof Error && syscall !== undefined && syscall !== 'read';
  return isOurs ? cannotWrite(out, error) : error;
}

function cannotWrite(out: string, cause: NodeJS.ErrnoException): InputError {
  const isFull = cause.code === 'ENOSPC' || cause.code === 'EDQUOT';
  return new InputError(
    isFull
      ? `--out ${out}: the disk is full. Make room, or name a folder on another disk.`
      : `--out ${out}: cannot be written: ${reasonOf(cause)}.`,
    { cause },
  );
}

/** The folder while it is being filled. Until it is committed, the end of the process removes it, too. */
export class NewFolder implements Disposable {
  readonly #aside: Leftover;
  readonly #target: string;
  readonly #force: boolean;

  private constructor(out: string, force: boolean) {
    this.#target = resolve(out);
    this.#force = force;
    this.#aside = new Leftover(join(dirname(this.#target), asideName()));
  }

  /** Where to write. */
  get path(): string {
    return this.#aside.path;
  }

  static async create(out: string, { force }: { force: boolean }): Promise<NewFolder> {
    await sweep(dirname(resolve(out)));
    const folder = new NewFolder(out, force);
    mkdirSync(folder.path);
    return folder;
  }

  /** Gives the folder its name. What had it before is replaced if that was allowed. */
  commit(): void {
    // No leftover before the new one is in its place: should this process be killed here, the old one must stay.
    const old = `${this.#target}.replaced-${process.pid}`;
    const replaces = this.#force && existsSync(this.#target);
    if (replaces) renameSync(this.#target, old);
    try {
      renameSync(this.path, this.#target);
    } catch (error) {
      if (replaces) renameSync(old, this.#target);
      throw error;
    }
    this.#aside.release();
    if (!replaces) return;
    using replaced = new Leftover(join(dirname(this.#target), asideName()));
    renameSync(old, replaced.path);
  }

  /** Removes what was not committed. */
  [Symbol.dispose](): void {
    this.#aside[Symbol.dispose]();
  }
}
