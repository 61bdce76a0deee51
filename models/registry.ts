import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { InputError, WeightsError } from '../engine/errors.ts';
import type { Runtime } from '../engine/runtime.ts';
import { quoted } from '../engine/text.ts';
import type { Family, SpecifiedModel } from './family.ts';
import { readConfig } from './files.ts';
import { internVl, internVlHf } from './internvl/internvl.ts';
import { llavaNextVideo } from './llava-next-video/llava-next-video.ts';
import { llavaOnevision } from './llava-onevision/llava-onevision.ts';
import { llavaVideo } from './llava-video/llava-video.ts';
import { loadSpecified } from './load.ts';
import type { LoadOptions } from './load-options.ts';
import { miniCpmV } from './minicpm-v/minicpm-v.ts';
import { nvila } from './nvila/nvila.ts';
import { qwen25Vl } from './qwen2-5-vl/qwen2-5-vl.ts';
import { qwen2Vl } from './qwen2-vl/qwen2-vl.ts';
import { qwen3Vl } from './qwen3-vl/qwen3-vl.ts';
import { notBuilt, refuseOtherWeights, refuseQuantised } from './refusals.ts';
import { smolVlm } from './smolvlm/smolvlm.ts';
import type { VideoModel } from './video-model.ts';

/** The families that are built in. */
export const families: readonly Family[] = [
  llavaVideo,
  llavaOnevision,
  llavaNextVideo,
  internVl,
  internVlHf,
  miniCpmV,
  nvila,
  qwen2Vl,
  qwen25Vl,
  qwen3Vl,
  smolVlm,
];

/** The architectures, as config.json names them, that can be loaded. */
export const architectures: readonly string[] = architecturesOf(families);

/** How to load a model, and what it may be. */
export interface LoadCheckpointOptions extends LoadOptions {
  /** The families to choose from, the first that fits; default {@link families}. Give `[mine, ...families]` for one more. */
  readonly families?: readonly Family[];
  /** The library that videos and pictures are prepared as by, for families with `otherProcessors`; default the family's choice. */
  readonly processor?: string | undefined;
}

/**
 * Finds the family by the `architectures` of config.json, and reads the configs as it does.
 *
 * @throws WeightsError if config.json is missing, names no known architecture, or asks for what is not built.
 */
export async function specOf(files: CheckpointFiles, known: readonly Family[] = families): Promise<SpecifiedModel> {
  const config = await readConfig(files, 'config.json');
  await refuseOtherWeights(files);
  if (!config)
    throw new WeightsError(`${files.name}/config.json: it is missing. Name a folder with a Hugging Face checkpoint.`);
  const named = config.raw('architectures');
  const names = Array.isArray(named) ? named : [];
  const family = known.find((candidate) => candidate.architectures.some((name) => names.includes(name)));
  const architecture = family?.architectures.find((name) => names.includes(name));
  if (!family || architecture === undefined) throw notBuilt(config, architecturesOf(known));
  refuseQuantised(config);
  const spec = await family.spec(config, files);
  await refuseOtherWeights(files, spec.weightFolders);
  return { architecture, spec };
}

function architecturesOf(known: readonly Family[]): string[] {
  return known.flatMap((family) => family.architectures);
}

/** A model that is shown what another library would show it. @throws InputError if the family knows none of the name. */
function preparedBy({ architecture, spec }: SpecifiedModel, processor: string): SpecifiedModel {
  const { otherProcessors = {}, pictures } = spec;
  const names = Object.keys(otherProcessors);
  const own = Object.hasOwn(otherProcessors, processor) ? otherProcessors[processor] : undefined;
  if (!own)
    throw new InputError(
      `processor: ${architecture} knows ${names.length > 0 ? names.join(', ') : 'no other than its own'}, got ${quoted(processor)}. Leave it out for the family's own.`,
    );
  const { frameFormat, crops } = own;
  return {
    architecture,
    spec: { ...spec, frameFormat, ...(pictures && crops && { pictures: { ...pictures, crops } }) },
  };
}

/**
 * Loads a checkpoint of any family: the dense model, unless a reducer is given.
 *
 * @throws WeightsError as `specOf`, or if the checkpoint does not fit its configs; InputError for an unknown processor.
 */
export async function loadCheckpoint(
  files: CheckpointFiles,
  runtime: Runtime,
  { families: known, processor, ...options }: LoadCheckpointOptions = {},
): Promise<VideoModel> {
  const model = await specOf(files, known);
  return loadSpecified(files, runtime, processor === undefined ? model : preparedBy(model, processor), options);
}
