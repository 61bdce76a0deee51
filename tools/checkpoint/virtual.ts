/** Checkpoints of any shape that are no files: for plans, which read the headers only, and for benches, which draw the weights. */
import { basename, join } from 'node:path';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { memorySource } from '../../checkpoint/memory-source.ts';
import { type ByteSource, type CheckpointFiles, MODEL_FILE } from '../../checkpoint/safetensors.ts';
import { encodeSafetensors, type SafetensorsLayout } from '../../checkpoint/safetensors-writer.ts';
import { generationConfig, modelConfig, visionConfig } from './config.ts';
import { type DrawnStretch, drawnStretch } from './draw.ts';
import { type ModelShape, PRESETS, type PresetName } from './shapes.ts';
import { planTensors, type TensorPlan } from './tensors.ts';
import { BUNDLED } from './tokenizer.ts';

/** How files that nobody wrote are filled. */
export interface VirtualFilling {
  /** Of weights that are drawn when they are read, the same as `makeCheckpoint` writes. Absent: zeros. */
  readonly seed?: number;
  /** Folder of the tokenizer. Default the bundled one. */
  readonly tokenizer?: string;
}

/** What a checkpoint without files may be told. */
export interface VirtualOptions extends VirtualFilling {
  /** Sizes that differ from the preset's. */
  readonly shape?: Partial<ModelShape>;
}

/** The files that `makeCheckpoint` would write in bf16. */
export function virtualCheckpoint(
  preset: PresetName,
  { shape: changes, ...filling }: VirtualOptions = {},
): CheckpointFiles {
  const shape = { ...PRESETS[preset], ...changes };
  const eosTokenId = shape.vocabSize - 1;
  const configs = {
    'config.json': modelConfig(shape, { dtype: 'bf16', newline: 'grid', eosTokenId }),
    'generation_config.json': generationConfig(eosTokenId),
    'vision_config.json': visionConfig(shape),
  };
  return virtualFiles(preset, configs, { [MODEL_FILE]: planTensors(shape) }, filling);
}

/**
 * Files that nobody wrote.
 *
 * @param name - What errors call their folder.
 * @param configs - Contents of JSON files, by name.
 * @param weights - Tensors of safetensors files, by name, in bf16.
 */
export function virtualFiles(
  name: string,
  configs: Readonly<Record<string, object | undefined>>,
  weights: Readonly<Record<string, readonly TensorPlan[]>> = {},
  { seed, tokenizer = BUNDLED }: VirtualFilling = {},
): CheckpointFiles {
  const texts = folderFiles(tokenizer);
  return {
    name,
    open: async (file) => {
      const plans = weights[file];
      if (plans) return tensorSource(join(name, file), plans, seed);
      const content = configs[file];
      if (content) return memorySource(join(name, file), new TextEncoder().encode(JSON.stringify(content)));
      return basename(file).startsWith('tokenizer') ? texts.open(basename(file)) : undefined;
    },
  };
}

/** One file of bf16 tensors that are drawn when they are read; without a seed, zeros. */
export function seededTensors(name: string, plans: readonly TensorPlan[], seed?: number): CheckpointFiles {
  return {
    name,
    open: async (file) => (file === MODEL_FILE ? tensorSource(join(name, file), plans, seed) : undefined),
  };
}

function tensorSource(name: string, plans: readonly TensorPlan[], seed: number | undefined): ByteSource {
  const infos = plans.map(({ name: tensor, shape }) => ({ name: tensor, dtype: 'BF16' as const, shape }));
  const layout = encodeSafetensors(infos, { format: 'pt' });
  return seed === undefined ? memorySource(name, layout.header, layout.size) : drawnSource(name, layout, plans, seed);
}

/** A file whose tensors are drawn as they are read; a reader that goes through each in order draws nothing twice. */
function drawnSource(name: string, layout: SafetensorsLayout, plans: readonly TensorPlan[], seed: number): ByteSource {
  const planOf = new Map(plans.map((plan) => [plan.name, plan]));
  let current: { readonly name: string; readonly draw: DrawnStretch } | undefined;
  const header = memorySource(name, layout.header, layout.size);
  return {
    ...header,
    read: async (offset, length) => {
      const tensor = layout.tensors.find(
        ({ byteOffset, byteLength }) => offset >= byteOffset && offset + length <= byteOffset + byteLength,
      );
      if (!tensor) return header.read(offset, length);
      if (current?.name !== tensor.name)
        current = { name: tensor.name, draw: drawnStretch(planOf.get(tensor.name)!, 'bf16', seed) };
      return current.draw(offset - tensor.byteOffset, length);
    },
  };
}
