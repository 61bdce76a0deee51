import type { Checkpoint, StoredTensor } from '../checkpoint/safetensors.ts';
import { InputError, WeightsError } from '../engine/errors.ts';
import { hostArray } from '../engine/host-array.ts';
import type { Runtime } from '../engine/runtime.ts';
import { bytesOf, type Tensor } from '../engine/tensor.ts';
import { firstNames } from '../engine/text.ts';
import type { LinearWeights } from '../kernels/linear.ts';
import type { LayerNormWeights } from '../kernels/norm.ts';
import {
  partRows,
  rowBytes,
  storedRow,
  type Weight,
  type WeightFormat,
  weightFormats,
  weightOf,
} from '../kernels/weight.ts';
import { fileRowBytes, Packer, type PackTarget, PIECE_BYTES, pieceRows, type StoredMatrix } from './packer.ts';

type FloatType = 'f32' | 'f16' | 'bf16';
const floatTypes: Readonly<Record<string, FloatType>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };

/** Metadata key of a checkpoint that ff-convert wrote: the format of its matrices in U32. */
export const FORMAT_KEY = 'framefusion.weights';

/**
 * What a dtype asks for.
 *
 * @throws InputError if the adapter cannot multiply in f16, and must.
 */
export function precision(
  dtype: ModelDType,
  runtime: Runtime,
): { readonly computeDtype: 'f32' | 'f16'; readonly format: WeightFormat | 'file' } {
  if (dtype === 'f16' && !runtime.hasF16)
    throw new InputError(`dtype f16: ${runtime.adapterName} has no shader-f16. Use f32.`);
  return {
    computeDtype: dtype !== 'f32' && runtime.hasF16 ? 'f16' : 'f32',
    format: dtype === 'auto' || dtype === 'f32' ? 'file' : dtype,
  };
}

/** How to load weights. */
export interface WeightLoaderOptions {
  /** Format of matrices on the GPU; `file` leaves each as it is. */
  readonly format?: WeightFormat | 'file';
  /** Told the bytes of the file that were loaded, of how many. */
  readonly progress?: ((done: number, of: number) => void) | undefined;
}

/**
 * Reads a checkpoint's tensors into GPU buffers of their own, and owns them. On a virtual runtime it checks names, shapes
 * and types, reserves the same buffers, and reads no data.
 */
export class WeightLoader {
  readonly runtime: Runtime;
  readonly checkpoint: Checkpoint;
  readonly #format: WeightFormat | 'file';
  readonly #tensors: Tensor[] = [];
  readonly #matrices: StoredMatrix[] = [];
  readonly #formats = new Set<WeightFormat>();
  readonly #progress: WeightLoaderOptions['progress'];
  readonly #bytes: number;
  /** Never written, so that the system gives no memory for it. */
  #zeros = new Uint8Array(0);
  #loaded = 0;
  #pending = 0;
  #packer: Packer | undefined;

  constructor(runtime: Runtime, checkpoint: Checkpoint, { format = 'file', progress }: WeightLoaderOptions = {}) {
    this.runtime = runtime;
    this.checkpoint = checkpoint;
    this.#format = format;
    this.#progress = progress;
    this.#bytes = [...checkpoint.names()].reduce((sum, name) => sum + checkpoint.get(name).byteLength, 0);
  }

  /** Whether the checkpoint has a tensor of that name. */
  has(name: string): boolean {
    return this.checkpoint.has(name);
  }

  /** Of everything loaded so far. */
  get summary(): LoadedWeights {
    return {
      formats: [...this.#formats],
      bytes: this.#tensors.reduce((sum, tensor) => sum + tensor.byteLength, 0),
      matrices: this.#matrices,
    };
  }

  /**
   * A matrix in the loader's format; several are put one below the other, which fuses linear layers that share their
   * input. Left as in the file, matrices of different formats become f32 together.
   *
   * @param names - Stored tensors whose elements make `[rows, columns]`.
   * @param rows - Rows of each.
   * @throws WeightsError if a tensor is missing, has another shape, no float dtype or cannot be had in the format.
   */
  async matrix(names: readonly string[], rows: readonly number[], columns: number): Promise<Weight> {
    const stored = names.map((name, i) => this.#storedMatrix(name, rows[i] ?? 0, columns));
    const format = this.#formatFor(stored);
    this.#matrices.push(...stored);
    this.#formats.add(format);
    const { dtype, length } = storedRow(format, columns);
    const total = rows.reduce((sum, n) => sum + n, 0);
    const parts = partRows(format, total, columns, this.runtime.maxBindingBytes).map((count) =>
      this.#own(this.runtime.reserve(names.join(' + '), [count, length], dtype)),
    );
    const weight = { format, rows: total, columns, parts };
    let row = 0;
    for (const one of stored) {
      await this.#fill(weight, row, one);
      row += one.rows;
    }
    return weight;
  }

  /** Vectors as one of f32, end to end. */
  async vector(names: readonly string[], sizes: readonly number[]): Promise<Tensor> {
    for (const [i, name] of names.entries()) this.#check(name, [sizes[i] ?? 0]);
    return this.#floats(names, [sizes.reduce((sum, size) => sum + size, 0)]);
  }

  /** A small matrix widened to f32 and not padded, for tables that are added rather than multiplied. */
  table(name: string, rows: number, columns: number): Promise<Tensor> {
    this.#check(name, [rows, columns]);
    return this.#floats([name], [rows, columns]);
  }

  /**
   * A matrix that the model multiplies from the other side, turned over. It stays f32 whatever the loader's format: packed
   * rows could not be turned.
   *
   * @returns A weight `[columns, rows]`.
   */
  async transposed(name: string, rows: number, columns: number): Promise<Weight> {
    const { dtype, byteLength } = this.#check(name, [rows, columns]);
    const type = this.#floatType(name, dtype);
    const values = hostArray(type, (await this.#read(name, 0, byteLength)).buffer, rows * columns);
    const turned = new Float32Array(this.runtime.virtual ? 0 : values.length);
    for (let at = 0; at < turned.length; at++) turned[(at % columns) * rows + Math.floor(at / columns)] = values[at]!;
    const weight = weightOf(this.#own(this.runtime.reserve(name, [columns, rows], 'f32')));
    this.runtime.write(weight.parts[0]!, 0, turned);
    return weight;
  }

  /** Linear layers that share their input, as one: `<prefix>.weight`, and `.bias` where `bias` says so. */
  async linear(
    prefixes: readonly string[],
    rows: readonly number[],
    columns: number,
    { bias }: { bias: boolean },
  ): Promise<LinearWeights> {
    const named = (part: string): string[] => prefixes.map((prefix) => `${prefix}.${part}`);
    return {
      weight: await this.matrix(named('weight'), rows, columns),
      bias: bias ? await this.vector(named('bias'), rows) : undefined,
    };
  }

  /** `<prefix>.weight` and `.bias`, `[size]` each. */
  async layerNorm(prefix: string, size: number): Promise<LayerNormWeights> {
    return {
      weight: await this.vector([`${prefix}.weight`], [size]),
      bias: await this.vector([`${prefix}.bias`], [size]),
    };
  }

  /**
   * Ends the loading: everything is on the GPU.
   *
   * @throws WeightsError if weights did not fit their format; whatever the device has reported.
   */
  async finish(): Promise<void> {
    const misfits = (await this.#packer?.misfits()) ?? [];
    if (misfits.length > 0)
      throw new WeightsError(
        `${this.checkpoint.name}: weights beyond what ${this.#format} can hold: ${firstNames(misfits.map(({ name, count }) => `${name} (${count})`))}. Use --dtype auto, or get the checkpoint again if it is damaged.`,
      );
    this.#disposePacker();
    this.#progress?.(this.#bytes, this.#bytes); // what the model does not want was not read
    await this.runtime.check(this.#tensors);
  }

  /** Stored tensors that nobody read, without those that the model declares as unusedTensors. */
  unused(unusedTensors: readonly RegExp[]): string[] {
    const { checkpoint } = this;
    return checkpoint.unused().filter((name) => !unusedTensors.some((one) => one.test(checkpoint.otherName(name))));
  }

  /** Name of the first loaded tensor with a NaN or an infinity in it; reads back all that are floats. */
  async firstNotFinite(): Promise<string | undefined> {
    for (const tensor of this.#tensors) {
      if (tensor.dtype === 'u32') continue; // packed integers, whose misfits are counted when they are packed
      const [rows = 1] = tensor.shape;
      const most = Math.max(1, Math.floor((PIECE_BYTES * rows) / tensor.byteLength));
      for (let row = 0; row < rows; row += most) {
        const rec = this.runtime.recorder('check');
        try {
          const values = await rec.read(tensor.rows(row, Math.min(most, rows - row)));
          if (!values.every(Number.isFinite)) return tensor.label;
        } finally {
          rec.finish();
        }
      }
    }
    return undefined;
  }

  /** Destroys every buffer that was loaded. */
  dispose(): void {
    for (const tensor of this.#tensors.splice(0)) this.runtime.free(tensor);
    this.#disposePacker();
  }

  #disposePacker(): void {
    this.#packer?.dispose();
    this.#packer = undefined;
    this.runtime.pool.trim();
  }

  #own(tensor: Tensor): Tensor {
    this.#tensors.push(tensor);
    return tensor;
  }

  /**
   * A convolution's weight counts as the matrix that its patches are multiplied with; leading axes of one are for
   * broadcasting.
   */
  #check(name: string, shape: readonly number[]): StoredTensor {
    const stored = this.checkpoint.get(name);
    const extra = Math.max(0, stored.shape.length - shape.length);
    const ones = stored.shape.slice(0, extra).findIndex((n) => n !== 1);
    const [rows, ...rest] = stored.shape.slice(ones < 0 ? extra : ones);
    const flat = shape.length === 2 ? [rows ?? 0, rest.reduce((product, n) => product * n, 1)] : [rows, ...rest];
    if (flat.length !== shape.length || flat.some((n, axis) => n !== shape[axis]))
      throw new WeightsError(
        `${this.checkpoint.name}: ${name} must be [${shape}], got [${stored.shape}]. The checkpoint and its config.json disagree.`,
      );
    return stored;
  }

  #storedMatrix(name: string, rows: number, columns: number): StoredMatrix {
    const { name: stored, dtype } = this.checkpoint.get(name);
    const packed = dtype === 'U32' ? this.#packedFormat(name) : undefined;
    const width = packed ? storedRow(packed, columns).length : columns;
    this.#check(name, [rows, width]);
    return { name: stored, rows, columns, format: packed ?? this.#floatType(name, dtype) };
  }

  #packedFormat(name: string): WeightFormat | undefined {
    const said = this.checkpoint.metadata(name)[FORMAT_KEY];
    return weightFormats.find((format) => format === said && storedRow(format, 1).dtype === 'u32');
  }

  #formatFor(stored: readonly StoredMatrix[]): WeightFormat {
    const [first] = stored;
    const common = stored.every(({ format }) => format === first?.format) ? (first?.format ?? 'f32') : 'f32';
    const wanted = this.#format === 'file' ? common : this.#format;
    const packed = stored.find(({ format }) => format !== wanted && storedRow(format, 1).dtype === 'u32');
    if (packed)
      throw new WeightsError(
        `${this.checkpoint.name}: ${packed.name} is stored in ${packed.format}, which cannot become ${wanted}. Use --dtype auto, or the checkpoint that it was converted from.`,
      );
    return wanted;
  }

  #floatType(name: string, dtype: string): FloatType {
    const type = floatTypes[dtype];
    if (type) return type;
    throw new WeightsError(
      `${this.checkpoint.name}: ${name} must be F32, F16 or BF16, got ${dtype}. Convert the checkpoint.`,
    );
  }

  async #floats(names: readonly string[], shape: readonly number[]): Promise<Tensor> {
    const tensor = this.#own(this.runtime.reserve(names.join(' + '), shape, 'f32'));
    let at = 0;
    for (const name of names) {
      const { dtype, shape: stored, byteLength } = this.checkpoint.get(name);
      const type = this.#floatType(name, dtype);
      const size = stored.reduce((product, n) => product * n, 1);
      const bytes = await this.#read(name, 0, byteLength);
      this.runtime.write(tensor, at, hostArray(type, bytes.buffer, size));
      at += size * bytesOf.f32;
    }
    return tensor;
  }

  /** Puts a stored matrix at rows `at` and on of a weight, piece by piece. */
  async #fill(weight: Weight, at: number, stored: StoredMatrix): Promise<void> {
    const { name, columns } = stored;
    const inFile = fileRowBytes(stored);
    const inPart = rowBytes(weight.format, columns);
    const isSame = stored.format === weight.format && inFile === inPart;
    for (const { part, row, from, count } of pieces(weight.parts, at, stored.rows, pieceRows(stored))) {
      const bytes = await this.#read(name, from * inFile, count * inFile);
      if (isSame) this.runtime.write(part, row * inPart, bytes);
      else this.#pack(stored, bytes, { format: weight.format, part, first: row });
    }
  }

  #pack(stored: StoredMatrix, bytes: Uint8Array, to: PackTarget): void {
    this.#packer ??= new Packer(this.runtime, [...this.checkpoint.names()].length);
    this.#packer.pack(stored, bytes, to);
  }

  /** Bytes of a stored tensor; zeros on a virtual runtime. Waits for the GPU now and then. */
  async #read(name: string, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.runtime.virtual) {
      this.checkpoint.skip(name);
      if (this.#zeros.length < length) this.#zeros = new Uint8Array(length);
      return this.#zeros.subarray(0, length);
    }
    const bytes = await this.checkpoint.read(name, { offset, length });
    this.#loaded += length;
    this.#pending += length;
    if (this.#pending >= PIECE_BYTES) {
      // What was written waits in the host's memory until the GPU has it.
      this.#pending = 0;
      await this.runtime.settled();
    }
    this.#progress?.(this.#loaded, this.#bytes);
    return bytes;
  }
}

/**
 * Rows `at` .. `at + rows` of a matrix in parts, in pieces of at most `most` rows that lie in one part each: `row` is where
 * the piece starts in its part, `from` where among the rows that are being put there.
 */
function* pieces(
  parts: readonly Tensor[],
  at: number,
  rows: number,
  most: number,
): Generator<{ part: Tensor; row: number; from: number; count: number }> {
  let start = 0; // of the part
  for (const part of parts) {
    const end = start + (part.shape[0] ?? 0);
    const last = Math.min(end, at + rows);
    for (let next = Math.max(start, at); next < last; next += most)
      yield { part, row: next - start, from: next - at, count: Math.min(most, last - next) };
    start = end;
  }
}

/** What a model holds on the GPU. */
export interface LoadedWeights {
  /** Of the matrices; several if they were left as in a file that mixes them. */
  readonly formats: readonly WeightFormat[];
  readonly bytes: number;
  /** The stored matrices, which ff-convert packs. */
  readonly matrices: readonly StoredMatrix[];
}

/**
 * The format of weights on the GPU, or `auto`: as in the file. `f32` leaves them so, too, and multiplies in f32 where the
 * others multiply in f16 if the adapter can; `f16` insists on that.
 */
export const dtypes = ['auto', 'f32', 'bf16', 'f16', 'q8', 'q4'] as const;
/** One of `dtypes`. */
export type ModelDType = (typeof dtypes)[number];
