/**
 * Checkpoints: safetensors files and shards, read by ranges from wherever a {@link ByteSource} gets its bytes.
 * Nothing here knows Node or a browser; `file-source.ts` is the source for files.
 */
import { InputError, WeightsError } from '../engine/errors.ts';
import { quoted } from '../engine/text.ts';
import {
  headerLength,
  LENGTH_BYTES,
  MAX_HEADER_BYTES,
  parseHeader,
  type SafetensorsHeader,
  type StoredTensor,
} from './safetensors-header.ts';
import { parseIndex } from './safetensors-index.ts';

export type { StoredDtype, StoredTensor, TensorInfo } from './safetensors-header.ts';

export const MODEL_FILE = 'model.safetensors';
export const INDEX_FILE = 'model.safetensors.index.json';

/** A stretch of a tensor's bytes. */
export interface ByteRange {
  /** From the tensor's first byte. */
  readonly offset: number;
  readonly length: number;
}

/** Random access to the bytes of one file, local or not. */
export interface ByteSource {
  /** What errors call it: a path or an address. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Reads `length` bytes from `offset`, into memory of its own so that it can be viewed as any element type. */
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Gives back what reading holds; it is not read from any more. */
  close(): Promise<void>;
}

/** The files of one model, by plain name. */
export interface CheckpointFiles {
  /** What errors call it: a folder or an address. */
  readonly name: string;
  /** Opens a file, or gives `undefined` if there is none of that name. */
  open(file: string): Promise<ByteSource | undefined>;
}

/** One safetensors file: a checked header, and the data on request. */
export class SafetensorsFile {
  readonly #source: ByteSource;
  readonly #header: SafetensorsHeader;

  private constructor(source: ByteSource, header: SafetensorsHeader) {
    this.#source = source;
    this.#header = header;
  }

  /**
   * Reads and checks the header, and no data. The file owns `source` from then on; if opening fails, the
   * source is closed.
   *
   * @throws WeightsError if the file is not whole and well-formed.
   */
  static async open(source: ByteSource): Promise<SafetensorsFile> {
    try {
      if (source.size < LENGTH_BYTES)
        throw new WeightsError(`${source.name}: expected safetensors, found ${source.size} bytes. Download it again.`);
      const prefix = await readExactly(source, 0, LENGTH_BYTES);
      const length = headerLength(source.name, prefix, source.size);
      const json = await readExactly(source, LENGTH_BYTES, length);
      return new SafetensorsFile(source, parseHeader(source.name, json, source.size));
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  /** As its source is called. */
  get name(): string {
    return this.#source.name;
  }

  /** By name, in the order of their data. */
  get tensors(): ReadonlyMap<string, StoredTensor> {
    return this.#header.tensors;
  }

  /** The header's `__metadata__`, `{}` where there is none. */
  get metadata(): Readonly<Record<string, string>> {
    return this.#header.metadata;
  }

  /** @throws WeightsError if there is no tensor `name`. */
  get(name: string): StoredTensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw missingTensor(this.name, name, this.tensors.size);
    return tensor;
  }

  /**
   * All bytes of a tensor, or a stretch of them, in memory of their own.
   *
   * @throws WeightsError if there is no tensor `name`, or its bytes cannot be read; InputError if the range lies outside.
   */
  async read(name: string, range?: ByteRange): Promise<Uint8Array<ArrayBuffer>> {
    const { byteOffset, byteLength } = this.get(name);
    const { offset, length } = range ?? { offset: 0, length: byteLength };
    if (!(offset >= 0 && length >= 0 && offset + length <= byteLength))
      throw new InputError(`${this.name}: ${quoted(name)} has ${byteLength} bytes, not ${length} from ${offset} on.`);
    return readExactly(this.#source, byteOffset + offset, length);
  }

  /** Closes the source. */
  close(): Promise<void> {
    return this.#source.close();
  }
}

/**
 * The tensors of one model, in one file or in shards that an index lists. It remembers which tensors were read,
 * so that a name that the loader does not know cannot pass unnoticed.
 */
export class Checkpoint {
  /** As its files are called. */
  readonly name: string;
  readonly #shards: readonly SafetensorsFile[];
  readonly #home: ReadonlyMap<string, SafetensorsFile>;
  readonly #read = new Set<string>();
  /** Stored names by other ones. */
  readonly #aliases = new Map<string, string>();
  #otherOf = (name: string): string => name;

  private constructor(name: string, shards: readonly SafetensorsFile[]) {
    this.name = name;
    this.#shards = shards;
    this.#home = new Map(shards.flatMap((shard) => [...shard.tensors.keys()].map((tensor) => [tensor, shard])));
  }

  /**
   * Opens `model.safetensors`, or else every shard of `model.safetensors.index.json`.
   *
   * @throws WeightsError if neither is there, a file is damaged, or the index and its shards disagree.
   */
  static async open(files: CheckpointFiles): Promise<Checkpoint> {
    const whole = await files.open(MODEL_FILE);
    if (whole) return new Checkpoint(files.name, [await SafetensorsFile.open(whole)]);
    const shards = new Map<string, SafetensorsFile>();
    try {
      const home = await readIndex(files);
      for (const shard of new Set(home.values())) shards.set(shard, await openShard(files, shard));
      checkIndex(files.name, home, shards);
      return new Checkpoint(files.name, [...shards.values()]);
    } catch (error) {
      await Promise.all([...shards.values()].map((shard) => shard.close()));
      throw error;
    }
  }

  /**
   * Several checkpoints as one, which owns them from then on.
   *
   * @throws WeightsError if two hold a tensor of one name.
   */
  static join(name: string, parts: readonly Checkpoint[]): Checkpoint {
    const joined = new Checkpoint(
      name,
      parts.flatMap((part) => part.#shards),
    );
    for (const part of parts)
      for (const tensor of part.names())
        if (!part.#shards.includes(joined.#shardOf(tensor)))
          throw new WeightsError(
            `${name}: expected each tensor once, found ${quoted(tensor)} in ${quoted(part.name)} and elsewhere. The folders are of different checkpoints: download them again.`,
          );
    return joined;
  }

  /**
   * Lets tensors be asked for by other names too, as where releases of a library name them in different ways.
   *
   * @param otherOf - The other name of a stored tensor, or the same.
   */
  alias(otherOf: (name: string) => string): void {
    this.#otherOf = otherOf;
    for (const name of this.names()) this.#aliases.set(otherOf(name), name);
  }

  /** The other name of a stored tensor; the same where there is none. */
  otherName(name: string): string {
    return this.#otherOf(name);
  }

  /** Names of all stored tensors. */
  names(): Iterable<string> {
    return this.#home.keys();
  }

  /** Whether a tensor is stored. */
  has(name: string): boolean {
    return this.#home.has(this.#storedName(name));
  }

  /** @throws WeightsError if there is no tensor `name`. */
  get(name: string): StoredTensor {
    return this.#shardOf(name).get(this.#storedName(name));
  }

  /** The metadata of the file that a tensor lies in. @throws WeightsError if there is no tensor `name`. */
  metadata(name: string): Readonly<Record<string, string>> {
    return this.#shardOf(name).metadata;
  }

  /** As {@link SafetensorsFile.read}; counts the tensor as read. */
  async read(name: string, range?: ByteRange): Promise<Uint8Array<ArrayBuffer>> {
    const shard = this.#shardOf(name);
    this.skip(name);
    return shard.read(this.#storedName(name), range);
  }

  /** Counts a tensor as read that somebody knows and does not need the data of. */
  skip(name: string): void {
    this.#read.add(this.#storedName(name));
  }

  /** Stored tensors that nobody read. */
  unused(): string[] {
    return [...this.#home.keys()].filter((name) => !this.#read.has(name));
  }

  /** Closes every file. */
  async close(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }

  #storedName(name: string): string {
    return this.#home.has(name) ? name : (this.#aliases.get(name) ?? name);
  }

  #shardOf(name: string): SafetensorsFile {
    const shard = this.#home.get(this.#storedName(name));
    if (!shard) throw missingTensor(this.name, name, this.#home.size);
    return shard;
  }
}

/** A source may be a server that sends less than it was asked for, or a file that shrank since it was opened. */
async function readExactly(source: ByteSource, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await source.read(offset, length);
  if (bytes.byteLength === length) return bytes;
  throw new WeightsError(
    `${source.name}: expected ${length} bytes at ${offset}, found ${bytes.byteLength}. ` +
      'The file changed while it was read, or its server ignores ranges.',
  );
}

/** Which shard each tensor lies in, by the index. */
async function readIndex(files: CheckpointFiles): Promise<ReadonlyMap<string, string>> {
  const source = await files.open(INDEX_FILE);
  if (!source)
    throw new WeightsError(
      `${files.name}: expected ${MODEL_FILE} or ${INDEX_FILE}, found neither. ` +
        'Name the folder of a checkpoint in safetensors format.',
    );
  try {
    if (source.size > MAX_HEADER_BYTES)
      throw new WeightsError(
        `${source.name}: expected an index of at most ${MAX_HEADER_BYTES} bytes, found ${source.size}. ` +
          'It is not the index of a checkpoint.',
      );
    return parseIndex(source.name, await readExactly(source, 0, source.size));
  } finally {
    await source.close();
  }
}

async function openShard(files: CheckpointFiles, shard: string): Promise<SafetensorsFile> {
  const source = await files.open(shard);
  if (source) return SafetensorsFile.open(source);
  throw new WeightsError(
    `${files.name}: expected the shard ${quoted(shard)} that the index names, found no such file. Download it.`,
  );
}

/** The index must be true, and a name unique: otherwise which tensor one gets would hang on the order of shards. */
function checkIndex(
  folder: string,
  home: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, SafetensorsFile>,
): void {
  const disagree = 'The index and its shards are of different checkpoints: download both again.';
  for (const [tensor, shard] of home)
    if (!shards.get(shard)?.tensors.has(tensor))
      throw new WeightsError(
        `${folder}: expected tensor ${quoted(tensor)} in ${quoted(shard)}, as the index says; it is not there. ${disagree}`,
      );
  const seen = new Map<string, string>();
  for (const [shard, { tensors }] of shards)
    for (const tensor of tensors.keys()) {
      const other = seen.get(tensor);
      if (other !== undefined)
        throw new WeightsError(
          `${folder}: expected each tensor once, found ${quoted(tensor)} in ${quoted(other)} and ${quoted(shard)}. ${disagree}`,
        );
      seen.set(tensor, shard);
    }
}

function missingTensor(file: string, name: string, count: number): WeightsError {
  return new WeightsError(
    `${file}: expected a tensor ${quoted(name)}, found ${count} others. ` +
      'The checkpoint is of another architecture or in another layout than its config.json says.',
  );
}
