/** The writing side of safetensors. The caller writes the data, in the order of the layout; `file-sink.ts` does into files. */
import { InputError } from '../engine/errors.ts';
import { quoted } from '../engine/text.ts';
import { INDEX_FILE, MODEL_FILE } from './safetensors.ts';
import { bitsOf, LENGTH_BYTES, type StoredTensor, storedBytes, type TensorInfo } from './safetensors-header.ts';

/** A file before its data is there. */
export interface SafetensorsLayout {
  /** Length prefix and JSON, padded so that the data starts at a multiple of 8. The file begins with it. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** In the order of their data, back to back from the end of the header. */
  readonly tensors: readonly StoredTensor[];
  /** Of the whole file, in bytes. */
  readonly size: number;
}

/** The weights of a checkpoint before their data is there. */
export interface CheckpointLayout {
  readonly files: readonly { readonly name: string; readonly layout: SafetensorsLayout }[];
  /** What lists the tensors of several files; one file needs none. */
  readonly index: { readonly name: string; readonly text: string } | undefined;
  /** Of all tensors, in bytes, without headers. */
  readonly tensorBytes: number;
}

/**
 * Lays out `model.safetensors`, or shards and their index if one file would be larger than `shardBytes`. Within a file, the
 * order is that of {@link encodeSafetensors}.
 *
 * @param options.shardBytes - A shard ends before it grows beyond this; one tensor may be larger.
 * @throws InputError as {@link encodeSafetensors}.
 */
export function layOutCheckpoint(
  tensors: readonly TensorInfo[],
  { shardBytes, metadata }: { shardBytes: number; metadata?: Readonly<Record<string, string>> },
): CheckpointLayout {
  const shards = splitShards(tensors, shardBytes);
  const files = shards.map((shard, i) => ({
    name: shardName(i, shards.length),
    layout: encodeSafetensors(shard, metadata),
  }));
  const tensorBytes = files.reduce((sum, { layout }) => sum + layout.size - layout.header.byteLength, 0);
  if (files.length === 1) return { files, index: undefined, tensorBytes };
  const homes = shards.flatMap((shard, i) => shard.map(({ name }) => [name, shardName(i, shards.length)]));
  const index = { metadata: { total_size: tensorBytes }, weight_map: Object.fromEntries(homes) };
  return { files, index: { name: INDEX_FILE, text: `${JSON.stringify(index, null, 2)}\n` }, tensorBytes };
}

/** In order, each shard as full as it may be. */
function splitShards(tensors: readonly TensorInfo[], shardBytes: number): TensorInfo[][] {
  const shards: TensorInfo[][] = [[]];
  let room = shardBytes;
  for (const tensor of tensors) {
    const bytes = storedBytes(tensor.dtype, tensor.shape) ?? 0;
    if (bytes > room && shards.at(-1)!.length > 0) {
      shards.push([]);
      room = shardBytes;
    }
    shards.at(-1)!.push(tensor);
    room -= bytes;
  }
  return shards;
}

function shardName(i: number, count: number): string {
  const five = (n: number) => String(n).padStart(5, '0');
  return count === 1 ? MODEL_FILE : `model-${five(i + 1)}-of-${five(count)}.safetensors`;
}

/**
 * Lays out a safetensors file. As upstream does, wide elements come first, so that each tensor is aligned to its
 * element; apart from that the given order is kept.
 *
 * @param metadata - The header's `__metadata__`; `{ format: 'pt' }` is what Hugging Face loaders look for.
 * @throws InputError if a name is taken twice or reserved, or a shape does not fit its dtype.
 */
export function encodeSafetensors(
  tensors: readonly TensorInfo[],
  metadata?: Readonly<Record<string, string>>,
): SafetensorsLayout {
  const ordered = tensors.toSorted((a, b) => bitsOf(b.dtype) - bitsOf(a.dtype));
  const entries = new Map<string, unknown>(metadata ? [['__metadata__', metadata]] : []);
  let end = 0;
  const lengths = ordered.map(({ name, dtype, shape }) => {
    const begin = end;
    const byteLength = storedBytes(dtype, shape);
    if (byteLength === undefined)
      throw new InputError(`encodeSafetensors: ${quoted(name)}: [${shape}] is no shape for ${dtype}.`);
    if (name === '__metadata__' || entries.has(name))
      throw new InputError(`encodeSafetensors: the name ${quoted(name)} is taken twice or reserved.`);
    end += byteLength;
    entries.set(name, { dtype, shape, data_offsets: [begin, end] });
    return byteLength;
  });
  const header = encodeHeader(JSON.stringify(Object.fromEntries(entries)));
  let byteOffset = header.byteLength;
  const stored = ordered.map((info, i) => {
    const tensor = { ...info, byteOffset, byteLength: lengths[i]! };
    byteOffset += tensor.byteLength;
    return tensor;
  });
  return { header, tensors: stored, size: header.byteLength + end };
}

function encodeHeader(text: string): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(text);
  const padded = Math.ceil(json.byteLength / 8) * 8;
  const header = new Uint8Array(LENGTH_BYTES + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, LENGTH_BYTES);
  return header;
}
