/**
 * One model in the cache that Hugging Face's tools share:
 *
 *   models--owner--name/blobs/<oid>                the bytes, by what they hash to
 *                       snapshots/<commit>/<path>  links to them, by name
 *                       refs/<revision>            the commit that a branch or tag was last seen at
 *                       trees/<commit>.json        what the repository lists there
 *   .locks/models--owner--name/                    who is downloading
 */
import { randomUUID } from 'node:crypto';
import { copyFile, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { makeFolder } from '../engine/make-folder.ts';
import { type HubFile, isCommit, isHash, type Listing, readListing, writeListing } from './listing.ts';
import type { HubSettings } from './settings.ts';
import { type FileIdentity, Verified } from './verified.ts';

const CACHE_TAG = `Signature: 8a477f597d28d172789f06886806bc55
# A cache directory, which backups may leave out: https://bford.info/cachedir/
`;

/** What `symlink` says where there are no links, as on Windows without developer mode. */
const NO_LINKS = ['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'UNKNOWN'];

/** Paths and links of one model. */
export class ModelCache {
  readonly root: string;
  readonly folder: string;
  readonly verified: Verified;
  /** Whether snapshots hold links; turned off by the first that cannot be made. */
  symlinks: boolean;
  readonly #name: string;

  constructor(settings: Pick<HubSettings, 'cacheDir' | 'verifiedDir' | 'symlinks'>, repository: string) {
    const { cacheDir, symlinks } = settings;
    this.#name = ['models', ...repository.split('/')].join('--');
    this.root = cacheDir;
    this.folder = join(cacheDir, this.#name);
    this.symlinks = symlinks;
    this.verified = new Verified(settings.verifiedDir);
  }

  blob({ oid }: HubFile): string {
    return join(this.folder, 'blobs', oid);
  }

  /** Not Python's `<oid>.incomplete`: older versions append to that one without asking whose it is. */
  incomplete({ oid }: HubFile): string {
    return join(this.folder, 'blobs', `${oid}.framefusion.incomplete`);
  }

  /** Not Python's `<oid>.lock`: that one is locked by flock(2), which Node has not got, and stays when it is free. */
  lock({ oid }: HubFile): string {
    return join(this.root, '.locks', this.#name, `${oid}.framefusion.lock`);
  }

  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  pointer(commit: string, path: string): string {
    return join(this.snapshot(commit), ...path.split('/'));
  }

  /** Makes the folders that a download needs. */
  async prepare(): Promise<void> {
    await makeFolder(join(this.folder, 'blobs'));
    await makeFolder(join(this.root, '.locks', this.#name));
    await ifAllowed(() => writeFile(join(this.root, 'CACHEDIR.TAG'), CACHE_TAG, { flag: 'wx' }));
  }

  /** The commit that `revision` was last seen at. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = (await textOf(this.#ref(revision)))?.trim();
    return text !== undefined && /^\w[\w.-]*$/.test(text) ? text : undefined;
  }

  /** Remembers where `revision` is; a cache that may not be written is left as it is. */
  async remember(revision: string, commit: string): Promise<void> {
    const ref = this.#ref(revision);
    if (revision === commit || (await textOf(ref).catch(() => undefined)) === commit) return;
    await ifAllowed(() => replace(ref, (temporary) => writeFile(temporary, commit)));
  }

  #ref(revision: string): string {
    return join(this.folder, 'refs', ...revision.split('/'));
  }

  async listing(commit: string): Promise<Listing | undefined> {
    const text = await textOf(this.#tree(commit));
    return text === undefined ? undefined : readListing(text);
  }

  /** Keeps a listing, if the cache may be written. */
  async keepListing(commit: string, listing: Listing): Promise<void> {
    await ifAllowed(() => replace(this.#tree(commit), (temporary) => writeFile(temporary, writeListing(listing))));
  }

  #tree(commit: string): string {
    return join(this.folder, 'trees', `${commit}.json`);
  }

  /** Paths of a snapshot, with `/` between folders. */
  async paths(commit: string): Promise<Set<string>> {
    const root = this.snapshot(commit);
    const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(ifMissing([]));
    const files = entries.filter((entry) => !entry.isDirectory());
    return new Set(files.map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/')));
  }

  /** Whether a snapshot has a file, whole as far as its size tells. */
  async has(commit: string, { path, size }: { path: string; size?: number }): Promise<boolean> {
    const found = await sizeOf(this.pointer(commit, path));
    return found !== undefined && (size === undefined || found === size);
  }

  /** Whether a file's bytes are there. A blob of another size is none, and removed. */
  async hasBlob(file: HubFile): Promise<boolean> {
    const found = await sizeOf(this.blob(file));
    if (found !== undefined && found !== file.size) await rm(this.blob(file), { force: true });
    return found === file.size;
  }

  /** What a file of a snapshot must hash to, where a blob's name tells and no listing does. */
  async identity(commit: string, path: string): Promise<FileIdentity | undefined> {
    const pointer = this.pointer(commit, path);
    const oid = basename(await readlink(pointer).catch(() => ''));
    return isHash(oid) ? { oid, size: (await sizeOf(pointer)) ?? 0 } : undefined;
  }

  /** Whether a file of a snapshot has its bytes; see {@link Verified}. */
  isIntact(commit: string, path: string, file: FileIdentity, signal: AbortSignal): Promise<boolean> {
    return this.verified.check(this.pointer(commit, path), file, signal);
  }

  /** Removes a file whose bytes are not those that the hub lists. */
  async discardDamaged(commit: string, file: HubFile, signal: AbortSignal): Promise<void> {
    for (const path of [this.pointer(commit, file.path), this.blob(file)])
      if ((await sizeOf(path)) !== undefined && !(await this.verified.check(path, file, signal)))
        await rm(path, { force: true });
  }

  /** How many bytes of a file are still to come. */
  async lacks(file: HubFile): Promise<number> {
    if (await this.hasBlob(file)) return 0;
    return file.size - Math.min(file.size, (await sizeOf(this.incomplete(file))) ?? 0);
  }

  /**
   * Puts a blob into a snapshot: a relative link, or where there are no links the file itself if it is new and a
   * copy if not, as Python does it.
   */
  async place(commit: string, file: HubFile, isNew: boolean): Promise<void> {
    const pointer = this.pointer(commit, file.path);
    const blob = this.blob(file);
    if (this.symlinks) {
      try {
        return await replace(pointer, (temporary) => symlink(relative(dirname(pointer), blob), temporary));
      } catch (error) {
        if (!NO_LINKS.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
        this.symlinks = false;
      }
    }
    await makeFolder(dirname(pointer));
    if (isNew) await rename(blob, pointer);
    else await replace(pointer, (temporary) => copyFile(blob, temporary));
  }
}

/** Writes aside and renames, so that nobody sees half of it. */
async function replace(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = `${path}.${randomUUID().slice(0, 8)}.tmp`;
  try {
    await write(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** What would be good to have, but is not worth failing for. */
async function ifAllowed(write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
  }
}

function ifMissing<T>(value: T): (error: NodeJS.ErrnoException) => T {
  return (error) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EISDIR') return value;
    throw error;
  };
}

function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(ifMissing(undefined));
}

/** Of a file or what a link leads to. */
async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(ifMissing(undefined));
  return found?.isFile() ? found.size : undefined;
}
