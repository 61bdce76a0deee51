/** The tensors of a model by its configs alone: those that its family asks a loader for. */
import type { Checkpoint } from '../checkpoint/safetensors.ts';
import { Runtime } from '../engine/runtime.ts';
import type { Tensor } from '../engine/tensor.ts';
import { virtualAdapter } from '../engine/virtual-adapter.ts';
import type { Weight } from '../kernels/weight.ts';
import { Decoder } from './decoder/decoder.ts';
import type { ModelSpec } from './family.ts';
import { WeightLoader } from './weights.ts';

/** A tensor that a checkpoint must have. */
export interface AskedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** How it is read, as `WeightLoader` calls it. */
  readonly as: 'matrix' | 'vector' | 'table' | 'transposed';
}

/** Any adapter: nothing is computed. */
const anything = {
  limits: { maxBufferSize: 2 ** 32 - 4, maxStorageBufferBindingSize: 2 ** 31 - 4 },
  features: [],
  info: { vendor: '', architecture: '', device: 'none', description: '' },
};

/** The tensors of each folder of a checkpoint. */
export async function tensorsByFolder(spec: ModelSpec): Promise<(readonly [folder: string, AskedTensor[]])[]> {
  const tensors = await askedTensors(async (loader) => {
    const decoder = await Decoder.load(loader, spec.decoder, spec.decoderNames, 'f32');
    await spec.loadEncoder(loader, 'f32', decoder);
  });
  if (!spec.weightFolders) return [['.', tensors]];
  return spec.weightFolders.map((folder) => [folder, tensors.filter(({ name }) => folder === folderOf(name))]);
}

/** The folder of a tensor in NVILA's layout, the one that has folders. */
function folderOf(name: string): string {
  if (name.startsWith('vision_model.')) return 'vision_tower';
  return name.startsWith('layers.') ? 'mm_projector' : 'llm';
}

/** The tensors that `load` asks its loader for. */
export async function askedTensors(load: (loader: WeightLoader) => Promise<unknown>): Promise<AskedTensor[]> {
  using runtime = await Runtime.open(virtualAdapter(anything));
  const loader = new NotingLoader(runtime);
  await load(loader);
  loader.dispose();
  return loader.asked;
}

/** Notes what it is asked for, and has it. */
class NotingLoader extends WeightLoader {
  readonly asked: AskedTensor[] = [];

  constructor(runtime: Runtime) {
    const empty: Pick<Checkpoint, 'names' | 'has'> = { names: () => [], has: () => false };
    super(runtime, empty as Checkpoint);
  }

  override async matrix(names: readonly string[], rows: readonly number[], columns: number): Promise<Weight> {
    for (const [i, name] of names.entries()) this.#note(name, [rows[i] ?? 0, columns], 'matrix');
    return { format: 'bf16', rows: 0, columns, parts: [] };
  }

  override async vector(names: readonly string[], sizes: readonly number[]): Promise<Tensor> {
    for (const [i, name] of names.entries()) this.#note(name, [sizes[i] ?? 0], 'vector');
    return this.#nothing(sizes.reduce((sum, size) => sum + size, 0));
  }

  override async table(name: string, rows: number, columns: number): Promise<Tensor> {
    this.#note(name, [rows, columns], 'table');
    return this.#nothing(rows * columns);
  }

  override async transposed(name: string, rows: number, columns: number): Promise<Weight> {
    this.#note(name, [rows, columns], 'transposed');
    return { format: 'f32', rows: columns, columns: rows, parts: [] };
  }

  #note(name: string, shape: readonly number[], as: AskedTensor['as']): void {
    this.asked.push({ name, shape, as });
  }

  #nothing(size: number): Tensor {
    return this.runtime.reserve('nothing', [size], 'f32');
  }
}
