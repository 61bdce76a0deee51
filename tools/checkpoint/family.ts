/** Random checkpoints of any family from their configs alone: the tensors are those that the family itself asks for. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderFiles } from '../../checkpoint/file-source.ts';
import type { Checkpoint, CheckpointFiles } from '../../checkpoint/safetensors.ts';
import { Runtime } from '../../engine/runtime.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { virtualAdapter } from '../../engine/virtual-adapter.ts';
import type { Weight } from '../../kernels/weight.ts';
import { Decoder } from '../../models/decoder/decoder.ts';
import type { Family, FamilyPlan } from '../../models/family.ts';
import { planOf } from '../../models/registry.ts';
import { WeightLoader } from '../../models/weights.ts';
import type { Configs } from './published.ts';
import { writeShards } from './shards.ts';
import type { TensorPlan } from './tensors.ts';
import { copyTokenizer } from './tokenizer.ts';
import { virtualFiles } from './virtual.ts';

const BUNDLED = fileURLToPath(new URL('../../assets/tiny-llava-video', import.meta.url));

/** Any adapter: nothing is computed. */
const anything = {
  limits: { maxBufferSize: 2 ** 32 - 4, maxStorageBufferBindingSize: 2 ** 31 - 4 },
  features: [],
  info: { vendor: '', architecture: '', device: 'none', description: '' },
};

interface MakeOptions {
  readonly seed?: number;
  readonly families?: readonly Family[];
}

/**
 * Writes a random checkpoint with the bundled tokenizer and a few tokens more, which a vocabulary of 640 has room for.
 *
 * @param configs - JSON files by their names, `config.json` among them.
 * @param options - `families`: to choose from, where it is none of the built-in ones.
 * @throws WeightsError if no family takes the configs.
 */
export async function makeFamilyCheckpoint(folder: string, configs: Configs, options: MakeOptions = {}): Promise<void> {
  const { seed = 0, families } = options;
  await mkdir(folder, { recursive: true });
  for (const [name, config] of Object.entries(configs)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), JSON.stringify(config));
  }
  const { plan } = await planOf(folderFiles(folder), families);
  const textFolder = join(folder, plan.textFolder ?? '.');
  await copyTokenizer(BUNDLED, textFolder);
  await writeFile(join(textFolder, 'tokenizer.json'), JSON.stringify(await tokenizer()));
  for (const [part, plans] of await partsOf(plan))
    await writeShards(join(folder, part), plans, { dtype: 'bf16', seed, shardBytes: 5e9 });
}

/**
 * A checkpoint of any family that nobody wrote: for plans, which read its header only.
 *
 * @throws WeightsError if no family takes the configs.
 */
export async function virtualFamily(name: string, configs: Configs): Promise<CheckpointFiles> {
  const { plan } = await planOf(virtualFiles(name, configs));
  const parts = await partsOf(plan);
  const text = join(plan.textFolder ?? '.', 'tokenizer.json');
  return virtualFiles(
    name,
    { ...configs, [text]: await tokenizer() },
    Object.fromEntries(parts.map(([part, plans]) => [join(part, 'model.safetensors'), plans])),
  );
}

/** What prompts of some families have as one token each. */
const MARKS = [
  ...['<s>', '<img>', '</img>', '<image>', '</image>', '<slice>', '</slice>'],
  ...['<fake_token_around_image>', '<global-img>', '<end_of_utterance>'],
];

/** The bundled tokenizer with the families' own special tokens behind its others. */
async function tokenizer(): Promise<object> {
  const json = JSON.parse(await readFile(join(BUNDLED, 'tokenizer.json'), 'utf8')) as {
    added_tokens: { id: number }[];
  };
  const first = Math.max(...json.added_tokens.map(({ id }) => id)) + 1;
  const marks = MARKS.map((content, i) => ({ ...json.added_tokens[0], content, id: first + i }));
  return { ...json, added_tokens: [...json.added_tokens, ...marks] };
}

/** The tensors of each folder of a checkpoint. */
async function partsOf(plan: FamilyPlan): Promise<[part: string, plans: TensorPlan[]][]> {
  const plans = await tensorsOf(plan);
  if (!plan.weightFolders) return [['.', plans]];
  return plan.weightFolders.map((part) => [part, plans.filter(({ name }) => part === partOf(name))]);
}

/** The folder of a tensor in NVILA's layout, the one that has folders. */
function partOf(name: string): string {
  if (name.startsWith('vision_model.')) return 'vision_tower';
  return name.startsWith('layers.') ? 'mm_projector' : 'llm';
}

/** What a model would load. */
function tensorsOf(plan: FamilyPlan): Promise<TensorPlan[]> {
  return askedTensors(async (loader) => {
    const decoder = await Decoder.load(loader, plan.decoder, plan.decoderNames, 'f32');
    await plan.loadEncoder(loader, 'f32', decoder);
  });
}

/** The tensors that `load` asks its loader for. */
export async function askedTensors(load: (loader: WeightLoader) => Promise<unknown>): Promise<TensorPlan[]> {
  using runtime = await Runtime.open(virtualAdapter(anything));
  const loader = new NotingLoader(runtime);
  await load(loader);
  loader.dispose();
  return loader.plans;
}

/** Notes what it is asked for, and has it. */
class NotingLoader extends WeightLoader {
  readonly plans: TensorPlan[] = [];

  constructor(runtime: Runtime) {
    const empty: Pick<Checkpoint, 'names' | 'has'> = { names: () => [], has: () => false };
    super(runtime, empty as Checkpoint);
  }

  override async matrix(names: readonly string[], rows: readonly number[], columns: number): Promise<Weight> {
    for (const [i, name] of names.entries())
      this.#note(name, [rows[i] ?? 0, columns], { mean: 0, std: columns ** -0.5 });
    return { format: 'bf16', rows: 0, columns, parts: [] };
  }

  override async vector(names: readonly string[], sizes: readonly number[]): Promise<Tensor> {
    for (const [i, name] of names.entries())
      this.#note(name, [sizes[i] ?? 0], { mean: name.endsWith('.bias') ? 0 : 1, std: 0.02 });
    return this.#nothing(sizes.reduce((sum, size) => sum + size, 0));
  }

  override async table(name: string, rows: number, columns: number): Promise<Tensor> {
    this.#note(name, [rows, columns], { mean: 0, std: 0.1 });
    return this.#nothing(rows * columns);
  }

  override async transposed(name: string, rows: number, columns: number): Promise<Weight> {
    this.#note(name, [rows, columns], { mean: 0, std: rows ** -0.5 });
    return { format: 'f32', rows: columns, columns: rows, parts: [] };
  }

  #note(name: string, shape: readonly number[], draw: { mean: number; std: number }): void {
    this.plans.push({ name, shape, ...draw });
  }

  #nothing(size: number): Tensor {
    return this.runtime.reserve('nothing', [size], 'f32');
  }
}
