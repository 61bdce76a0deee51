/** Models that a page keeps for the next visit: fetched whole and checked, found again, removed. */
import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { removeFiles, type Stored, type StoreOptions, storedFiles, storeFiles } from '../checkpoint/stored-files.ts';
import { Runtime } from '../engine/runtime.ts';
import { virtualAdapter } from '../engine/virtual-adapter.ts';
import { loadCheckpoint } from '../models/registry.ts';
import { meant } from './browser.ts';

/**
 * Fetches a model's weights into the browser's storage, where `loadModel` finds them. What has come before it ends stays, and the
 * next call goes on there.
 *
 * @param source - As `loadModel` takes it.
 * @param like - The adapter that it is for.
 * @throws As `storeFiles`, and as `loadModel` where the model cannot be read at all.
 */
export async function storeModel(source: string, like: Runtime, options: StoreOptions = {}): Promise<void> {
  const { signal } = options;
  const { named, files: filesOf } = meant(source, signal && { signal });
  const files = filesOf();
  const opened: string[] = [];
  const recorded: CheckpointFiles = {
    name: files.name,
    open: async (file) => {
      const found = await files.open(file);
      if (found && file.endsWith('.safetensors')) opened.push(file);
      return found;
    },
  };
  // Which files it is made of is known once it has been loaded where no weight is read.
  using runtime = await Runtime.open(virtualAdapter(like));
  (await loadCheckpoint(recorded, runtime, { name: named.name, dtype: named.dtype, signal }))[Symbol.dispose]();
  const names = [...new Set(opened)];
  const hashes = await hashesOf(files.name, names);
  await storeFiles(
    files,
    names.map((file) => ({ file, sha256: hashes.get(file) })),
    options,
  );
}

/** How much of a model is there. @param source - As `loadModel` takes it. */
export async function storedModel(source: string): Promise<Stored> {
  return storedFiles(meant(source).files().name);
}

/** Gives a model's room back. */
export async function removeModel(source: string): Promise<void> {
  await removeFiles(meant(source).files().name);
}

/** `owner/name` and revision of an address of the hub. */
const HUB = /^https:\/\/huggingface\.co\/([^/]+\/[^/]+)\/resolve\/([^/]+)$/;
const SHA256 = /^(?:W\/)?"?([0-9a-f]{64})"?$/;

/** SHA-256 of files, as far as somebody says it: the hub's list of them, or a server that calls a file so. */
async function hashesOf(address: string, files: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const [, id, revision] = HUB.exec(address) ?? [];
  if (id === undefined) {
    const each = await Promise.all(files.map(async (file) => [file, await tagOf(`${address}/${file}`)] as const));
    return new Map(each.flatMap(([file, tag]) => (tag === undefined ? [] : [[file, tag]])));
  }
  const response = await fetch(`https://huggingface.co/api/models/${id}/tree/${revision}?recursive=true`);
  if (!response.ok) return new Map(); // a download is worth more than its check
  const listed = (await response.json()) as readonly {
    readonly path: string;
    readonly lfs?: { readonly oid: string };
  }[];
  return new Map(listed.flatMap(({ path, lfs }) => (lfs ? [[path, lfs.oid]] : [])));
}

async function tagOf(url: string): Promise<string | undefined> {
  const response = await fetch(url, { method: 'HEAD' });
  return SHA256.exec(response.headers.get('etag') ?? '')?.[1];
}
