/** The writing side of safetensors, for tests and tools. The caller writes the data, in the order of the layout. */
import { InputError } from './errors.ts';
import { bitsOf, LENGTH_BYTES, quote, type StoredTensor, storedBytes, type TensorInfo } from './safetensors-header.ts';

/** A file before its data is there. */
export interface SafetensorsLayout {
  /** Length prefix and JSON, padded so that the data starts at a multiple of 8. The file begins with it. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** In the order of their data, back to back from the end of the header. */
  readonly tensors: readonly StoredTensor[];
  /** Of the whole file, in bytes. */
  readonly size: number;
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
      throw new InputError(`encodeSafetensors: ${quote(name)}: [${shape}] is no shape for ${dtype}.`);
    if (name === '__metadata__' || entries.has(name))
      throw new InputError(`encodeSafetensors: the name ${quote(name)} is taken twice or reserved.`);
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
