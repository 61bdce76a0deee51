/**
 * The header of a safetensors file, checked before anything is believed: a checkpoint is a download, and its
 * header decides how much is read and allocated. The rules are upstream's `SafeTensors::read_metadata`:
 * every byte after the header belongs to exactly one tensor.
 *
 *   u64 little-endian header length | JSON, space padded | data
 *
 * @see https://github.com/huggingface/safetensors
 */
import { WeightsError } from '../engine/errors.ts';
import { quoted, shownValue } from '../engine/text.ts';
import { isObject } from './json.ts';

/** Bytes before the JSON: its length as a 64-bit integer. */
export const LENGTH_BYTES = 8;

/** Upstream's bound on the JSON, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Bits an element takes. The formats below a byte exist only in tensors that fill whole bytes. */
const BITS = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  U16: 16,
  I16: 16,
  F16: 16,
  BF16: 16,
  U32: 32,
  I32: 32,
  F32: 32,
  U64: 64,
  I64: 64,
  F64: 64,
  C64: 64,
} as const;

/** An element type as the header spells it. */
export type StoredDtype = keyof typeof BITS;

/** A tensor's name, dtype and shape: what a header says about it, apart from the place. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: StoredDtype;
  /** Row major; `[]` is a scalar, and an extent may be 0. */
  readonly shape: readonly number[];
}

/** A tensor and where its bytes lie. */
export interface StoredTensor extends TensorInfo {
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** What a header says, once it has been checked against the size of its file. */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bits that one element of `dtype` takes. */
export function bitsOf(dtype: StoredDtype): number {
  return BITS[dtype];
}

/**
 * Bytes that a tensor takes in a file.
 *
 * @returns `undefined` if the shape is no shape (negative, fractional), if the count is beyond 2^53 bits, or if
 *   elements below a byte do not fill whole bytes.
 */
export function storedBytes(dtype: StoredDtype, shape: readonly number[]): number | undefined {
  let bits: number = BITS[dtype];
  for (const extent of shape) {
    if (!isCount(extent)) return undefined;
    bits *= extent;
    if (!Number.isSafeInteger(bits)) return undefined;
  }
  return bits % 8 === 0 ? bits / 8 : undefined;
}

/**
 * Reads the 8 bytes that a safetensors file begins with.
 *
 * @param file - Names the file in errors.
 * @param prefix - The first 8 bytes.
 * @param fileBytes - Size of the whole file.
 * @returns Bytes of JSON that follow.
 * @throws WeightsError if the length is beyond {@link MAX_HEADER_BYTES} or the end of the file.
 */
export function headerLength(file: string, prefix: Uint8Array, fileBytes: number): number {
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const length = view.getBigUint64(0, true);
  const limit = Math.min(MAX_HEADER_BYTES, fileBytes - LENGTH_BYTES);
  if (length <= limit) return Number(length);
  const isPointer = new TextDecoder().decode(prefix) === 'version ';
  throw new WeightsError(
    isPointer
      ? `${file}: expected safetensors, found a git-lfs pointer. Fetch the file itself with \`git lfs pull\`.`
      : `${file}: expected a header of at most ${limit} bytes, found a length of ${length}. ` +
          'The file is truncated or is not safetensors: download it again.',
  );
}

/**
 * Parses and checks the JSON of a header.
 *
 * @param file - Names the file in errors.
 * @param json - The header without its length prefix.
 * @param fileBytes - Size of the whole file.
 * @throws WeightsError if the JSON is not a header, or its tensors do not cover the rest of the file exactly.
 */
export function parseHeader(file: string, json: Uint8Array, fileBytes: number): SafetensorsHeader {
  const entries = parseObject(file, json);
  const dataStart = LENGTH_BYTES + json.byteLength;
  const tensors: StoredTensor[] = [];
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, value] of entries)
    if (name === '__metadata__') metadata = parseMetadata(file, value);
    else tensors.push(parseEntry(file, name, value, dataStart));
  checkCoverage(file, tensors, dataStart, fileBytes);
  return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), metadata };
}

function parseObject(file: string, json: Uint8Array): [string, unknown][] {
  const bad = (found: string, cause?: unknown) =>
    new WeightsError(`${file}: expected a JSON object as header, found ${found}. The file is damaged.`, {
      cause,
    });
  if (json[0] !== 0x7b) throw bad('no opening brace');
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(json);
    header = JSON.parse(text);
  } catch (cause) {
    throw bad(cause instanceof SyntaxError ? 'JSON that does not parse' : 'bytes that are not UTF-8', cause);
  }
  if (!isObject(header)) throw bad('another value');
  const entries = Object.entries(header);
  // JSON.parse keeps the last of two equal keys; a second description of a tensor must not win silently.
  const kept = entries.reduce((sum, [, value]) => sum + (isObject(value) ? Object.keys(value).length : 0), 0);
  if (countMembers(text, 2) !== entries.length + kept) throw bad('a key that is there twice');
  return entries;
}

/** Counts the `key: value` pairs of valid JSON in objects nested at most `maxDepth` deep. */
function countMembers(json: string, maxDepth: number): number {
  let members = 0;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const char = json.charCodeAt(i);
    if (char === 0x22 /* " */) inString = !inString;
    else if (inString) i += char === 0x5c /* \ */ ? 1 : 0;
    else if (char === 0x7b /* { */ || char === 0x5b /* [ */) depth++;
    else if (char === 0x7d /* } */ || char === 0x5d /* ] */) depth--;
    else if (char === 0x3a /* : */ && depth <= maxDepth) members++;
  }
  return members;
}

function parseMetadata(file: string, value: unknown): Readonly<Record<string, string>> {
  const entries = isObject(value) ? Object.entries(value) : [];
  if (!isObject(value) || entries.some(([, text]) => typeof text !== 'string'))
    throw new WeightsError(`${file}: expected __metadata__ to map strings to strings. The file is damaged.`);
  return value as Readonly<Record<string, string>>;
}

function parseEntry(file: string, name: string, value: unknown, dataStart: number): StoredTensor {
  const bad = (expected: string, found: unknown) =>
    new WeightsError(
      `${file}: tensor ${quoted(name)}: expected ${expected}, found ${shownValue(found)}. ` +
        'The file is damaged or newer than this reader.',
    );
  if (!isObject(value)) throw bad('an object with dtype, shape and data_offsets', value);
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) throw bad(`a dtype of ${Object.keys(BITS).join(' ')}`, dtype);
  if (!Array.isArray(shape) || !shape.every(isCount)) throw bad('a shape of non-negative integers', shape);
  if (!isRange(offsets)) throw bad('data_offsets [begin, end] with begin <= end', offsets);
  const [begin, end] = offsets;
  const byteLength = storedBytes(dtype, shape);
  if (byteLength === undefined) throw bad(`a shape that ${dtype} can have`, shape);
  if (end - begin !== byteLength)
    throw bad(`${byteLength} bytes of data for ${shownValue(shape)} ${dtype}`, end - begin);
  return { name, dtype, shape: Object.freeze([...shape]), byteOffset: dataStart + begin, byteLength };
}

/** Sorts `tensors` into file order and checks that they tile the data without overlap, hole or rest. */
function checkCoverage(file: string, tensors: StoredTensor[], dataStart: number, fileBytes: number): void {
  tensors.sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  let position = dataStart;
  for (const { name, byteOffset, byteLength } of tensors) {
    if (byteOffset !== position)
      throw new WeightsError(
        `${file}: tensor ${quoted(name)}: expected its data at byte ${position}, where the tensor before it ends, ` +
          `found ${byteOffset} (${byteOffset < position ? 'an overlap' : 'a hole'}). The file is damaged.`,
      );
    position += byteLength;
  }
  if (position !== fileBytes)
    throw new WeightsError(
      `${file}: expected ${position} bytes, found ${fileBytes}. ` +
        `The file ${fileBytes < position ? 'is truncated' : 'has bytes that no tensor owns'}: download it again.`,
    );
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0);
}

function isRange(value: unknown): value is [number, number] {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [begin, end]: readonly unknown[] = value;
  return isCount(begin) && isCount(end) && begin <= end;
}

function isDtype(value: unknown): value is StoredDtype {
  // Not `value in BITS`: 'constructor' is in every object.
  return typeof value === 'string' && Object.hasOwn(BITS, value);
}
