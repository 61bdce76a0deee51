/** What a kernel is timed on: operands that are drawn once and freed together. */
import { Checkpoint } from '../../checkpoint/safetensors.ts';
import { encodeFloats, hostArray } from '../../engine/host-array.ts';
import type { Runtime } from '../../engine/runtime.ts';
import type { DType, Tensor } from '../../engine/tensor.ts';
import { embed } from '../../kernels/embed.ts';
import type { Weight, WeightFormat } from '../../kernels/weight.ts';
import { randomNumbers } from '../../models/random.ts';
import { WeightLoader } from '../../models/weights.ts';
import { seededTensors } from '../../tools/checkpoint/virtual.ts';

/** Numbers that were drawn; a prime, so that rows of no width begin alike. */
const DRAWN = 65521;

/** Random numbers on the GPU whose values the host knows without holding them. */
export interface Noise {
  readonly tensor: Tensor;
  /** The value at a flat index, as the kernel sees it. */
  at(index: number): number;
  /** `length` values from a flat index on. */
  row(start: number, length: number): Float64Array;
}

/** Draws, uploads and frees. */
export class Workbench {
  readonly runtime: Runtime;
  /** dtype of activations. */
  readonly computeDtype: 'f32' | 'f16';
  readonly #seed: number;
  readonly #tensors: Tensor[] = [];
  readonly #loaders: WeightLoader[] = [];

  constructor(runtime: Runtime, computeDtype: 'f32' | 'f16', seed: number) {
    this.runtime = runtime;
    this.computeDtype = computeDtype;
    this.#seed = seed;
  }

  /** Uniform in -1 .. 1, or in `range`. The numbers repeat after a while. */
  noise(shape: readonly number[], dtype: 'f32' | 'f16' = this.computeDtype, [low, high] = [-1, 1]): Noise {
    const random = randomNumbers(this.#seed + shape.reduce((sum, size) => 31 * sum + size, 7));
    const drawn = encodeFloats(
      dtype,
      Float32Array.from({ length: DRAWN }, () => low! + (high! - low!) * random()),
    );
    const size = shape.reduce((product, n) => product * n, 1);
    const all = dtype === 'f32' ? new Float32Array(size) : new Uint16Array(size);
    for (let at = 0; at < size; at += DRAWN) all.set(drawn.subarray(0, size - at), at);
    const bytes = new Uint8Array(drawn.buffer, drawn.byteOffset, drawn.byteLength).slice();
    const values = hostArray(dtype, bytes.buffer, DRAWN);
    const at = (index: number): number => values[index % DRAWN]!;
    const row = (start: number, length: number): Float64Array => Float64Array.from({ length }, (_, i) => at(start + i));
    return { tensor: this.upload(shape, dtype, all), at, row };
  }

  upload(shape: readonly number[], dtype: DType, data: ArrayBufferView): Tensor {
    const tensor = this.runtime.upload('operand', shape, dtype, data);
    this.#tensors.push(tensor);
    return tensor;
  }

  /** An uninitialised tensor. */
  reserve(shape: readonly number[], dtype: DType): Tensor {
    const tensor = this.runtime.reserve('operand', shape, dtype);
    this.#tensors.push(tensor);
    return tensor;
  }

  /** A normal matrix in a format, drawn in bf16 and loaded as a model's weights are. */
  async weight(rows: number, columns: number, format: WeightFormat): Promise<Weight> {
    const plan = { name: 'weight', shape: [rows, columns], mean: 0, std: 1 };
    const checkpoint = await Checkpoint.open(seededTensors('bench', [plan], this.#seed));
    const loader = new WeightLoader(this.runtime, checkpoint, { format });
    this.#loaders.push(loader);
    const weight = await loader.matrix(['weight'], [rows], columns);
    await loader.finish();
    await checkpoint.close();
    return weight;
  }

  /** Some rows of a matrix as its format holds them. */
  async rowsOf(weight: Weight, rows: readonly number[]): Promise<Float32Array[]> {
    const rec = this.runtime.recorder('rows');
    const ids = rec.upload('ids', [rows.length], 'u32', Uint32Array.from(rows));
    const values = (await rec.read(embed(rec, ids, weight))) as Float32Array;
    rec.finish();
    return rows.map((_, i) => values.subarray(i * weight.columns, (i + 1) * weight.columns));
  }

  dispose(): void {
    for (const loader of this.#loaders.splice(0)) loader.dispose();
    for (const tensor of this.#tensors.splice(0)) this.runtime.free(tensor);
    this.runtime.pool.trim();
  }
}
