/** Checkpoints that are not read, in the right words: what they are, and what to use instead. */
import { type CheckpointFiles, INDEX_FILE, MODEL_FILE } from '../checkpoint/safetensors.ts';
import { WeightsError } from '../engine/errors.ts';
import type { ConfigReader } from './config.ts';
import { readConfig, subFolder } from './files.ts';

/** Parts of a config that may say by themselves how their weights are packed. */
const PARTS = ['text_config', 'llm_config', 'vision_config'];

/** Names of weights that pickle, which runs code when it is read, or llama.cpp has written. */
const OTHER_WEIGHTS = ['pytorch_model.bin', 'pytorch_model.bin.index.json', 'model.gguf'];

/** Throws a `WeightsError` if there are adapters (LoRA) and no model, or only weights in another form than safetensors. */
export async function refuseOtherWeights(files: CheckpointFiles, folders: readonly string[] = []): Promise<void> {
  for (const part of [files, ...folders.map((folder) => subFolder(files, folder))]) {
    const has = async (file: string): Promise<boolean> => {
      const source = await part.open(file);
      await source?.close();
      return source !== undefined;
    };
    if ((await has(MODEL_FILE)) || (await has(INDEX_FILE))) continue;
    const adapter = await readConfig(part, 'adapter_config.json');
    if (adapter) throw adapterAlone(adapter);
    for (const file of OTHER_WEIGHTS) if (await has(file)) throw otherForm(part.name, file);
  }
}

function adapterAlone(adapter: ConfigReader): WeightsError {
  const base = adapter.raw('base_model_name_or_path');
  const of = typeof base === 'string' ? ` of ${base.slice(0, 100)}` : '';
  return new WeightsError(
    `${adapter.file}: it is an adapter (${adapter.text('peft_type', 'LoRA')})${of}, not a model. Merge the two with peft's merge_and_unload(), save that with save_pretrained(), and name its folder.`,
  );
}

function otherForm(name: string, file: string): WeightsError {
  const what = file.endsWith('.gguf') ? 'a GGUF file' : 'a pickle, which runs code when it is read';
  return new WeightsError(
    `${name}/${file}: it is ${what}, and only safetensors are read. Use a checkpoint with model.safetensors, or save one with save_pretrained(folder, safe_serialization=True) in Python's transformers.`,
  );
}

/** Throws a `WeightsError` if a config says that its weights are packed by another library's method. */
export function refuseQuantised(config: ConfigReader): void {
  const parts = PARTS.filter((key) => typeof config.raw(key) === 'object').map((key) => config.part(key));
  for (const part of [config, ...parts]) {
    if (part.raw('quantization_config') === undefined) continue;
    const settings = part.part('quantization_config');
    const method =
      settings.raw('quant_method') ?? (settings.raw('load_in_4bit') === undefined ? 'another method' : 'bitsandbytes');
    throw new WeightsError(
      `${settings.file}: the weights are packed by ${String(method).slice(0, 40)}, which is not read. Use the checkpoint that they were made of, with --dtype q4 or q8 to pack it here.`,
    );
  }
}

/** Throws a `WeightsError` if tensors have the names that peft gives those of a model it has wrapped. */
export function refusePeftNames(name: string, tensors: Iterable<string>): void {
  for (const tensor of tensors)
    if (tensor.startsWith('base_model.model.') || tensor.includes('.base_layer.'))
      throw new WeightsError(
        `${name}: its tensors are named by peft (${tensor.slice(0, 80)}): an adapter is not merged. Merge it with merge_and_unload(), and save that with save_pretrained().`,
      );
}

/** @param known - What can be loaded. */
export function notBuilt(config: ConfigReader, known: readonly string[]): WeightsError {
  const named = config.raw('architectures');
  const [name] = Array.isArray(named) ? named : [];
  if (typeof name !== 'string' || name === '')
    return config.wrong('architectures', `a list that names one of ${known.join(', ')}`);
  const shared = (other: string): number => {
    const end = [...other].findIndex((letter, i) => name[i] !== letter);
    return end < 0 ? other.length : end;
  };
  const near = known.filter((other) => shared(other) >= ALIKE);
  const nearest = near.length > 0 ? ` Near it, and built: ${near.join(', ')}.` : ` Built are ${known.join(', ')}.`;
  return new WeightsError(`${config.file}: ${name.slice(0, 80)} is not built.${nearest}`);
}

/** Letters that the names of two architectures begin with if one is said to be near the other. */
const ALIKE = 5;
