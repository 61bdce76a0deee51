/** Named checkpoints: weights.config.json, and where their files are. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, WeightsError } from '../engine/errors.ts';

/** One entry of weights.config.json; weights.config.schema.json says what each key means. */
export interface NamedModel {
  readonly folder?: string;
  readonly repository?: string;
  readonly revision?: string;
  readonly adapter?: string;
  readonly dtype?: 'auto' | 'f32' | 'f16';
  readonly frames: number;
  readonly fps?: number;
  readonly forceSample?: boolean;
  readonly similarityLowerBound?: number;
  readonly ratioLowerBound?: number;
  readonly chatTemplate?: 'tokenizer' | 'qwen_1_5';
  readonly prompt?: string;
}

interface WeightsConfig {
  readonly default: string;
  readonly models: Readonly<Record<string, NamedModel>>;
}

/** A model to load: its folder, and the settings that go with it. */
export interface ModelChoice extends NamedModel {
  readonly name: string;
  readonly folder: string;
}

/** The package's own folder: this file is one level below it, in the source as in the build. */
const root = fileURLToPath(new URL('..', import.meta.url));

/** What a folder that weights.config.json does not name is run with. */
const UNNAMED = { frames: 64 };

/**
 * weights.config.json of this package, which people edit.
 *
 * @throws InputError if it is not what weights.config.schema.json says, as far as running a model needs it.
 */
export function weightsConfig(file = join(root, 'weights.config.json')): WeightsConfig {
  let config: WeightsConfig;
  try {
    config = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new InputError(`${file}: cannot be read: ${(cause as Error).message}.`, { cause });
  }
  for (const [name, model] of Object.entries(config?.models ?? {})) {
    if (typeof (model?.folder ?? model?.repository) !== 'string')
      throw new InputError(`${file}: models.${name} must have a folder or a repository.`);
    if (!(Number.isSafeInteger(model.frames) && model.frames > 0))
      throw new InputError(
        `${file}: models.${name}.frames must be a positive integer, got ${JSON.stringify(model.frames)}.`,
      );
  }
  if (!Object.hasOwn(config?.models ?? {}, config?.default))
    throw new InputError(`${file}: default must name one of its models, got ${JSON.stringify(config?.default)}.`);
  return config;
}

/**
 * A name of weights.config.json, or a checkpoint folder.
 *
 * @throws InputError if it is neither; WeightsError if the model is named but its files are not on this machine.
 */
export function chooseModel(wanted?: string): ModelChoice {
  const config = weightsConfig();
  const name = wanted ?? config.default;
  if (Object.hasOwn(config.models, name)) {
    const model = config.models[name] as NamedModel;
    return { ...model, name, folder: model.folder ? join(root, model.folder) : cached(name, model) };
  }
  if (!existsSync(name) || !statSync(name).isDirectory()) {
    const names = Object.keys(config.models).join(', ');
    throw new InputError(`--model ${name}: no such folder, and no name of weights.config.json (${names}).`);
  }
  return { ...UNNAMED, name: basename(resolve(name)), folder: name };
}

/** The snapshot of a repository in the cache that Hugging Face's tools share. */
function cached(name: string, { repository = name, revision = 'main' }: NamedModel): string {
  const { HF_HUB_CACHE, HF_HOME } = process.env;
  const cache = HF_HUB_CACHE || join(HF_HOME || join(homedir(), '.cache', 'huggingface'), 'hub');
  const model = join(cache, `models--${repository.replaceAll('/', '--')}`);
  const ref = join(model, 'refs', revision);
  const commit = existsSync(ref) ? readFileSync(ref, 'utf8').trim() : revision;
  const folder = join(model, 'snapshots', commit);
  if (existsSync(folder)) return folder;
  throw new WeightsError(
    `${name}: it is not on this machine (looked in ${model}). Download it with "hf download ${repository}", or name its folder with --model DIR.`,
  );
}
