/** A checkpoint of real shapes that has no weights: for plans, which read its header only. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folderFiles } from '../../engine/file-source.ts';
import type { ByteSource, CheckpointFiles } from '../../engine/safetensors.ts';
import { encodeSafetensors } from '../../engine/safetensors-writer.ts';
import { generationConfig, modelConfig, visionConfig } from './config.ts';
import { type ModelShape, PRESETS, type PresetName } from './shapes.ts';
import { planTensors } from './tensors.ts';

const BUNDLED = fileURLToPath(new URL('../../assets/tiny-llava-video', import.meta.url));

/**
 * The files that `makeCheckpoint` would write in bf16, with the bundled tokenizer. The weights are zeros, made when
 * somebody asks for them.
 */
export function virtualCheckpoint(preset: PresetName, changes: Partial<ModelShape> = {}): CheckpointFiles {
  const shape = { ...PRESETS[preset], ...changes };
  const tensors = planTensors(shape).map(({ name, shape: sizes }) => ({ name, dtype: 'BF16' as const, shape: sizes }));
  const { header, size } = encodeSafetensors(tensors, { format: 'pt' });
  const eosTokenId = shape.vocabSize - 1;
  const made: Record<string, object | undefined> = {
    'config.json': modelConfig(shape, { dtype: 'bf16', newline: 'grid', eosTokenId }),
    'generation_config.json': generationConfig(eosTokenId),
    'vision_config.json': visionConfig(shape),
  };
  const tokenizer = folderFiles(BUNDLED);
  return {
    name: preset,
    open: async (file) => {
      if (file === 'model.safetensors') return zeros(join(preset, file), header, size);
      const content = made[file];
      if (content) {
        const bytes = new TextEncoder().encode(JSON.stringify(content));
        return zeros(join(preset, file), bytes, bytes.length);
      }
      return file.startsWith('tokenizer') ? tokenizer.open(file) : undefined;
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
