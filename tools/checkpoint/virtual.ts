/** A checkpoint of real shapes that has no weights: for plans, which read its header only. */
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderFiles } from '../../engine/file-source.ts';
import type { ByteSource, CheckpointFiles } from '../../engine/safetensors.ts';
import { encodeSafetensors } from '../../engine/safetensors-writer.ts';
import { generationConfig, modelConfig, visionConfig } from './config.ts';
import { type ModelShape, PRESETS, type PresetName } from './shapes.ts';
import { planTensors, type TensorPlan } from './tensors.ts';

const BUNDLED = fileURLToPath(new URL('../../assets/tiny-llava-video', import.meta.url));

/** The files that `makeCheckpoint` would write in bf16. */
export function virtualCheckpoint(preset: PresetName, changes: Partial<ModelShape> = {}): CheckpointFiles {
  const shape = { ...PRESETS[preset], ...changes };
  const eosTokenId = shape.vocabSize - 1;
  const configs = {
    'config.json': modelConfig(shape, { dtype: 'bf16', newline: 'grid', eosTokenId }),
    'generation_config.json': generationConfig(eosTokenId),
    'vision_config.json': visionConfig(shape),
  };
  return virtualFiles(preset, configs, { 'model.safetensors': planTensors(shape) });
}

/**
 * Files that nobody wrote, with the bundled tokenizer. The weights are zeros, made when somebody asks for them.
 *
 * @param name - What errors call their folder.
 * @param configs - Contents of JSON files, by name.
 * @param weights - Tensors of safetensors files, by name.
 */
export function virtualFiles(
  name: string,
  configs: Readonly<Record<string, object | undefined>>,
  weights: Readonly<Record<string, readonly TensorPlan[]>> = {},
): CheckpointFiles {
  const tokenizer = folderFiles(BUNDLED);
  return {
    name,
    open: async (file) => {
      const tensors = weights[file];
      if (tensors) {
        const infos = tensors.map(({ name: tensor, shape }) => ({ name: tensor, dtype: 'BF16' as const, shape }));
        const { header, size } = encodeSafetensors(infos, { format: 'pt' });
        return zeros(join(name, file), header, size);
      }
      const content = configs[file];
      if (content) {
        const bytes = new TextEncoder().encode(JSON.stringify(content));
        return zeros(join(name, file), bytes, bytes.length);
      }
      return basename(file).startsWith('tokenizer') ? tokenizer.open(basename(file)) : undefined;
    },
  };
}

/** `size` bytes that begin with `start`, and zeros after it. */
function zeros(name: string, start: Uint8Array, size: number): ByteSource {
  return {
    name,
    size,
    read: async (offset, length) => {
      const bytes = new Uint8Array(Math.min(length, size - offset));
      bytes.set(start.subarray(offset, offset + length));
      return bytes;
    },
    close: async () => undefined,
  };
}
