import { folderFiles, openCheckpoint } from '../../checkpoint/file-source.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { qwen2Config } from '../../models/decoder/config.ts';
import { Decoder } from '../../models/decoder/decoder.ts';
import { llamaNames } from '../../models/decoder/names.ts';
import { readConfig } from '../../models/files.ts';
import { WeightLoader } from '../../models/weights.ts';
import type { Precision } from './check.ts';

/** Weights of the golden format and their config, to be closed. */
export async function openWeights(folder: string, runtime: Runtime, configName = 'config.json') {
  const config = await readConfig(folderFiles(folder), configName);
  if (!config) throw new Error(`${folder}/${configName} is missing`);
  const checkpoint = await openCheckpoint(folder);
  const loader = new WeightLoader(runtime, checkpoint);
  const close = async (): Promise<void> => {
    loader.dispose();
    await checkpoint.close();
  };
  return { config, loader, [Symbol.asyncDispose]: close };
}

/** A decoder as the golden format has one, with Qwen2's config, to be closed. */
export async function openDecoder(folder: string, runtime: Runtime, computeDtype: Precision['computeDtype']) {
  const weights = await openWeights(folder, runtime);
  const { config, loader } = weights;
  const decoder = await Decoder.load(loader, qwen2Config(config), llamaNames(), computeDtype);
  const close = async (): Promise<void> => {
    decoder.dispose();
    await weights[Symbol.asyncDispose]();
  };
  return { decoder, loader, [Symbol.asyncDispose]: close };
}
