/** What a repository holds at one commit, as the hub lists it and as Python's tools keep the list on disk. */
import { quoted, shownValue } from '../engine/text.ts';
import { HubError } from './errors.ts';

/** One file of a repository. */
export interface HubFile {
  /** With `/` between folders. */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  /** What its bytes hash to and what its blob is called: sha256 of a file in LFS, git's blob sha1 of any other. */
  readonly oid: string;
  /** Of what git itself holds: for a file in LFS, of the pointer. */
  readonly gitOid: string;
  readonly xetHash?: string | undefined;
}

/** By path. */
export type Listing = ReadonlyMap<string, HubFile>;

/** Python's `trees/<commit>.json`. */
interface StoredFile {
  readonly size: number;
  readonly blob_id: string;
  readonly lfs_sha256?: string;
  readonly lfs_size?: number;
  readonly xet_hash?: string;
}

const FORMAT_VERSION = 1;
const SHA1 = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** The commit hash that `text` is, if it is one. */
export function isCommit(text: string): boolean {
  return SHA1.test(text);
}

/** Whether `text` is a hash of bytes: git's or sha256. */
export function isHash(text: string): boolean {
  return SHA1.test(text) || SHA256.test(text);
}

/** Whether a path can be kept on any disk, below its folder: a repository may hold others, which no checkpoint needs. */
export function isSafePath(path: string): boolean {
  const parts = path.split('/');
  // Windows reads a backslash and a colon as more than a letter.
  return !/[\\:\0]/.test(path) && !parts.some((part) => ['', '.', '..'].includes(part));
}

/**
 * Takes a file as someone else describes it. Its path and hash become names on this disk, so they are checked first.
 *
 * @throws HubError if it is no file that can be kept safely.
 */
export function checkedFile(source: string, file: HubFile): HubFile {
  const hashed = SHA1.test(file.gitOid) && isHash(file.oid);
  if (isSafePath(file.path) && hashed && Number.isSafeInteger(file.size) && file.size >= 0) return file;
  const facts = `${quoted(file.path)} with ${shownValue(file.size)} bytes and the hash ${shownValue(file.oid)}`;
  throw new HubError(`${source}: it lists ${facts}, which is no file. Check HF_ENDPOINT.`);
}

/** The list as Python's huggingface_hub 1.x writes it. */
export function writeListing(listing: Listing): string {
  const files: Record<string, StoredFile> = {};
  for (const path of [...listing.keys()].sort()) files[path] = stored(listing.get(path)!);
  return JSON.stringify({ format_version: FORMAT_VERSION, files }, null, 1);
}

function stored({ size, oid, gitOid, xetHash }: HubFile): StoredFile {
  return {
    size,
    blob_id: gitOid,
    ...(SHA256.test(oid) ? { lfs_sha256: oid, lfs_size: size } : {}),
    ...(xetHash !== undefined && SHA256.test(xetHash) ? { xet_hash: xetHash } : {}),
  };
}

/** The list that `text` holds; `undefined` if it is damaged or of another version, since it can be asked for again. */
export function readListing(text: string): Listing | undefined {
  try {
    const { format_version, files } = JSON.parse(text);
    if (format_version !== FORMAT_VERSION) return undefined;
    const entries = Object.entries(files as Record<string, StoredFile>);
    return new Map(entries.map(([path, file]) => [path, checkedFile('the cache', fromStored(path, file))]));
  } catch {
    return undefined;
  }
}

function fromStored(path: string, file: StoredFile): HubFile {
  const { size, blob_id, lfs_sha256, lfs_size, xet_hash } = file;
  return { path, size: lfs_size ?? size, oid: lfs_sha256 ?? blob_id, gitOid: blob_id, xetHash: xet_hash };
}
