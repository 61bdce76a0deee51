import { WeightsError } from '../engine/errors.ts';
import { encodeFloats, hostArray } from '../engine/host-array.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { Checkpoint, StoredTensor } from '../engine/safetensors.ts';
import { bytesOf, type Tensor } from '../engine/tensor.ts';
import type { LinearWeights } from '../kernels/linear.ts';
import type { LayerNormWeights } from '../kernels/norm.ts';

type FloatType = 'f32' | 'f16' | 'bf16';
const floatTypes: Readonly<Record<string, FloatType>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };

/** Reads a checkpoint's tensors into GPU buffers of their own, and owns them. */
export class WeightLoader {
  readonly runtime: Runtime;
  readonly checkpoint: Checkpoint;
  readonly #tensors: Tensor[] = [];

  constructor(runtime: Runtime, checkpoint: Checkpoint) {
    this.runtime = runtime;
    this.checkpoint = checkpoint;
  }

  has(name: string): boolean {
    return this.checkpoint.has(name);
  }

  /**
   * A matrix in the format of the file, f32, f16 or bf16; several are put one below the other, which fuses linear
   * layers that share their input. Rows of odd length are padded with one zero: kernels read weights in pairs.
   *
   * @param names - Stored tensors whose elements make `[rows, columns]`.
   * @param rows - Rows of each.
   * @throws WeightsError if a tensor is missing or has another shape or no float dtype.
   */
  async matrix(names: readonly string[], rows: readonly number[], columns: number): Promise<Tensor> {
    const stored = names.map((name, i) => this.#check(name, [rows[i] ?? 0, columns]));
    const types = stored.map(({ dtype, name }) => this.#floatType(name, dtype));
    const mixed = types.some((type) => type !== types[0]);
    const dtype = mixed ? 'f32' : (types[0] ?? 'f32');
    const padded = columns + (columns % 2);
    const total = rows.reduce((sum, n) => sum + n, 0);
    const tensor = this.#own(this.runtime.reserve(names.join(' + '), [total, padded], dtype));
    let offset = 0;
    for (const [i, name] of names.entries()) {
      if (mixed || padded !== columns)
        this.runtime.write(tensor, offset, padRows(await this.#floats(name), columns, padded, dtype));
      else await this.#stream(name, tensor, offset);
      offset += (rows[i] ?? 0) * padded * bytesOf[dtype];
    }
    return tensor;
  }

  /** Vectors as one of f32, end to end. */
  async vector(names: readonly string[], sizes: readonly number[]): Promise<Tensor> {
    const parts: Float32Array[] = [];
    for (const [i, name] of names.entries()) {
      this.#check(name, [sizes[i] ?? 0]);
      parts.push(await this.#floats(name));
    }
    const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      all.set(part, offset);
      offset += part.length;
    }
    return this.#own(this.runtime.upload(names.join(' + '), [all.length], 'f32', all));
  }

  /** A small matrix widened to f32 and not padded, for tables that are added rather than multiplied. */
  async table(name: string, rows: number, columns: number): Promise<Tensor> {
    this.#check(name, [rows, columns]);
    return this.#own(this.runtime.upload(name, [rows, columns], 'f32', await this.#floats(name)));
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

  async layerNorm(prefix: string, size: number): Promise<LayerNormWeights> {
    return {
      weight: await this.vector([`${prefix}.weight`], [size]),
      bias: await this.vector([`${prefix}.bias`], [size]),
    };
  }

  /** Stored tensors that nobody read, without those that the model declares as ignorable. */
  unused(ignorable: readonly RegExp[]): string[] {
    return this.checkpoint.unused().filter((name) => !ignorable.some((pattern) => pattern.test(name)));
  }

  /** Destroys every buffer that was loaded. */
  dispose(): void {
    for (const tensor of this.#tensors.splice(0)) this.runtime.free(tensor);
  }

  #own(tensor: Tensor): Tensor {
    this.#tensors.push(tensor);
    return tensor;
  }

  /** A convolution's weight counts as the matrix that its patches are multiplied with. */
  #check(name: string, shape: readonly number[]): StoredTensor {
    const stored = this.checkpoint.get(name);
    const [rows, ...rest] = stored.shape;
    const flat = shape.length === 2 ? [rows ?? 0, rest.reduce((product, n) => product * n, 1)] : stored.shape;
    if (flat.length !== shape.length || flat.some((n, axis) => n !== shape[axis]))
      throw new WeightsError(
        `${this.checkpoint.name}: ${name} must be [${shape}], got [${stored.shape}]. The checkpoint and its config.json disagree.`,
      );
    return stored;
  }

  #floatType(name: string, dtype: string): FloatType {
    const type = floatTypes[dtype];
    if (type) return type;
    throw new WeightsError(
      `${this.checkpoint.name}: ${name} must be F32, F16 or BF16, got ${dtype}. Convert the checkpoint.`,
    );
  }

  async #floats(name: string): Promise<Float32Array> {
    const { dtype, shape } = this.checkpoint.get(name);
    const type = this.#floatType(name, dtype);
    const bytes = await this.checkpoint.read(name);
    const size = shape.reduce((product, n) => product * n, 1);
    return hostArray(type, bytes.buffer, size) as Float32Array;
  }

  async #stream(name: string, tensor: Tensor, offset: number): Promise<void> {
    let at = offset;
    for await (const chunk of this.checkpoint.chunks(name)) {
      this.runtime.write(tensor, at, chunk);
      at += chunk.byteLength;
    }
  }
}

function padRows(values: Float32Array, columns: number, padded: number, dtype: FloatType): ArrayBufferView {
  const rows = values.length / columns;
  const out = new Float32Array(rows * padded);
  for (let row = 0; row < rows; row++) out.set(values.subarray(row * columns, (row + 1) * columns), row * padded);
  return encodeFloats(dtype, out);
}
