/**
 * What must not outlive its process: temporary folders, and outputs that are not whole yet. Their names say whose they
 * are, so that a later run can remove what a process that was killed has left.
 */
import { readlinkSync, rmSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Containers may share a folder, but not their process ids. */
const namespace = pidNamespace();

const NAME = /^\.?framefusion-(\d+)-(\d+)(-|$)/;

/** The beginning of a name that says that this process made it. */
export const ownName = `framefusion-${namespace}-${process.pid}`;

const leftovers = new Set<string>();
let made = 0;

/** A new name for something in a folder, hidden; {@link Leftover} removes what gets it. */
export function asideName(): string {
  return `.${ownName}-${made++}`;
}

/** A path that the end of this process removes, however it ends. */
export class Leftover implements Disposable {
  readonly path: string;

  /** Announce it before it is made: a signal may come in between. */
  constructor(path: string) {
    this.path = path;
    if (leftovers.size === 0) process.on('exit', removeAll);
    leftovers.add(path);
    tellSupervisor({ leftover: path });
  }

  /** It has a place of its own now, or is gone. */
  release(): void {
    if (!leftovers.delete(this.path)) return;
    if (leftovers.size === 0) process.off('exit', removeAll);
    tellSupervisor({ released: this.path });
  }

  [Symbol.dispose](): void {
    if (!leftovers.has(this.path)) return;
    removeSync(this.path);
    this.release();
  }
}

/** What a supervised process says to its supervisor, which removes for it what it cannot. */
export type LeftoverNews = { readonly leftover: string } | { readonly released: string };

function tellSupervisor(news: LeftoverNews): void {
  if (process.connected) process.send?.(news);
}

function removeAll(): void {
  for (const path of leftovers) removeSync(path);
}

/** Removes a file or a folder; one that cannot be removed must not keep a process from ending. */
export function removeSync(path: string): void {
  try {
    // Retries are for a program that has just been ended and still writes there.
    rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 40 });
  } catch {
    // the next run tries again
  }
}

/** Removes what processes that are dead have left in a folder. */
export async function sweep(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const dead = names.filter((name) => {
    const [, where, pid] = NAME.exec(name) ?? [];
    return pid !== undefined && where === namespace && !isAlive(Number(pid));
  });
  await Promise.all(
    dead.map((name) => rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined)),
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // someone else's
  }
}

function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}
