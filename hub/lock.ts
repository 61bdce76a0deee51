/**
 * One process at a time, by a file that exists as long as it is held. Its modification time is its sign of life.
 * It saves work and keeps the partial file whole; what gets into the cache is verified whether it works or not.
 */
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../engine/make-folder.ts';
import { plainText } from '../engine/text.ts';
import { HubError } from './errors.ts';

/** Who holds a lock. */
interface Holder {
  readonly pid: number;
  /** Machine and process namespace, without which a process id means nothing. */
  readonly where: string;
  readonly token: string;
}

interface LockOptions {
  readonly pollMs: number;
  /** Without a sign of life for this long, a lock belongs to nobody. */
  readonly staleMs: number;
  readonly signal: AbortSignal;
  /** Called once if another one holds the lock, with who that is. */
  readonly waiting: (holder: string) => void;
}

const here = `${hostname()} ${namespace()}`;

/** Released at exit, so that Ctrl-C leaves none behind. A process that is killed leaves one, and its dead id. */
const held = new Set<FileLock>();
const releaseAll = (): void => {
  for (const lock of held) lock.release();
};

/** A lock that is held until {@link release}. */
export class FileLock {
  readonly #path: string;
  readonly #token: string;
  readonly #beat: NodeJS.Timeout;

  private constructor(path: string, token: string, staleMs: number) {
    this.#path = path;
    this.#token = token;
    this.#beat = setInterval(() => this.#signOfLife(), staleMs / 6).unref();
    if (held.size === 0) process.on('exit', releaseAll);
    held.add(this);
  }

  /** Waits for the lock at `path`, and takes it over from a process that is dead. */
  static async acquire(path: string, { pollMs, staleMs, signal, waiting }: LockOptions): Promise<FileLock> {
    await makeFolder(dirname(path));
    const token = randomUUID();
    const watched = new Watched(path, staleMs);
    for (let told = false; ; ) {
      if (created(path, JSON.stringify({ pid: process.pid, where: here, token } satisfies Holder)))
        return new FileLock(path, token, staleMs);
      const holder = watched.look();
      if (holder === 'gone') continue;
      if (holder === 'stale') {
        watched.takeAway(token);
        continue;
      }
      if (!told && holder !== 'this process') waiting(holder);
      told = true;
      await sleep(pollMs, undefined, { signal });
    }
  }

  /** @throws HubError if it was taken over, because this process slept for too long. */
  check(): void {
    if (this.#isMine()) return;
    throw new HubError(`${this.#path}: another process took over while this one slept. Run again.`);
  }

  release(): void {
    clearInterval(this.#beat);
    held.delete(this);
    if (held.size === 0) process.off('exit', releaseAll);
    try {
      if (this.#isMine()) rmSync(this.#path, { force: true });
    } catch {
      // others take it over
    }
  }

  #isMine(): boolean {
    return parse(lockFile(this.#path)?.text ?? '')?.token === this.#token;
  }

  #signOfLife(): void {
    try {
      utimesSync(this.#path, new Date(), new Date());
    } catch {
      // taken over; check() tells
    }
  }
}

/** Someone else's lock, watched until it is free or shows no life. */
class Watched {
  readonly #path: string;
  readonly #staleMs: number;
  #seen: LockFile = { id: '', text: '' };
  #since = 0;

  constructor(path: string, staleMs: number) {
    this.#path = path;
    this.#staleMs = staleMs;
  }

  /** Who holds it. Changes are timed by this process's own clock: file servers have others. */
  look(): 'gone' | 'stale' | (string & {}) {
    const found = lockFile(this.#path);
    if (!found) return 'gone';
    if (found.id !== this.#seen.id) this.#since = performance.now();
    this.#seen = found;
    const holder = parse(found.text);
    const dead = holder !== undefined && holder.where === here && !alive(holder.pid);
    if (dead || performance.now() - this.#since > this.#staleMs) return 'stale';
    return holder ? nameOf(holder) : 'another process';
  }

  /** Removes the lock that {@link look} saw. Should a third process be faster all the same, its lock is put back. */
  takeAway(token: string): void {
    const aside = `${this.#path}.${token}`;
    try {
      if (lockFile(this.#path)?.id !== this.#seen.id) return;
      renameSync(this.#path, aside);
      if (lockFile(aside)?.id !== this.#seen.id) linkSync(aside, this.#path);
    } catch (error) {
      if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    rmSync(aside, { force: true });
  }
}

/** A lock as it is on disk. */
interface LockFile {
  /** Another one after every sign of life. */
  readonly id: string;
  readonly text: string;
}

function lockFile(path: string): LockFile | undefined {
  try {
    const { ino, mtimeMs } = statSync(path);
    const text = readFileSync(path, 'utf8');
    return { id: `${ino} ${mtimeMs} ${text}`, text };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function created(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    rmSync(path, { force: true }); // a full disk takes the name, but not the text
    throw error;
  }
}

function nameOf({ pid, where }: Holder): string {
  if (where !== here) return `process ${pid} on ${plainText(where)}`;
  return pid === process.pid ? 'this process' : `process ${pid}`;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // someone else's
  }
}

function parse(text: string): Holder | undefined {
  try {
    const holder: Holder = JSON.parse(text);
    return Number.isSafeInteger(holder.pid) && holder.pid > 0 ? holder : undefined;
  } catch {
    return undefined; // just being written
  }
}

/** Two containers may share a cache and a name, but not their process ids. */
function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
