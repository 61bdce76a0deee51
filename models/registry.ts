import { WeightsError } from '../engine/errors.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { CheckpointFiles } from '../engine/safetensors.ts';
import type { Family } from './family.ts';
import { readConfig } from './files.ts';
import { llavaVideo } from './llava-video/llava-video.ts';
import { LoadedModel } from './loaded-model.ts';
import type { LoadOptions } from './video-model.ts';

const families: readonly Family[] = [llavaVideo];

/** The architectures, as config.json names them, that can be loaded. */
export const architectures: readonly string[] = families.flatMap((family) => family.architectures);

/**
 * Loads a checkpoint by the `architectures` of its config.json.
 *
 * @throws WeightsError if config.json is missing, names no known architecture, or the checkpoint does not fit it.
 */
export async function loadModel(
  files: CheckpointFiles,
  runtime: Runtime,
  options: LoadOptions = {},
): Promise<LoadedModel> {
  const config = await readConfig(files, 'config.json');
  if (!config)
    throw new WeightsError(`${files.name}/config.json: it is missing. Name a folder with a Hugging Face checkpoint.`);
  const named = config.raw('architectures');
  const names = Array.isArray(named) ? named : [];
  const family = families.find((candidate) => candidate.architectures.some((name) => names.includes(name)));
  const architecture = family?.architectures.find((name) => names.includes(name));
  if (!family || architecture === undefined)
    throw new WeightsError(
      `${config.file}: architectures must name ${architectures.join(' or ')}, got ${JSON.stringify(named)}.`,
    );
  const plan = await family.plan(config, files);
  return LoadedModel.load(files, runtime, { architecture, plan }, options);
}
