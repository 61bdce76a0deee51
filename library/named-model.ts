/** Models by name: what weights.config.json says of each. */
import { InputError } from '../engine/errors.ts';
import { DEFAULT_FRAMES, type ModelDefaults } from '../models/defaults.ts';
import type { ModelDType } from '../models/weights.ts';

/** One entry of weights.config.json; weights.config.schema.json says what each key means. */
export interface NamedModel {
  readonly folder?: string;
  readonly repository?: string;
  readonly revision?: string;
  readonly architecture?: string;
  readonly dtype?: ModelDType;
  readonly frames: number;
  readonly fps?: number;
  readonly forceSample?: boolean;
  readonly processor?: string;
  readonly similarityLowerBound?: number;
  readonly ratioLowerBound?: number;
  readonly thresholdSource?: string;
  readonly thresholdBasis?: 'published' | 'measured' | 'guess';
  readonly prompt?: string;
}

/** weights.config.json. */
export interface WeightsConfig {
  readonly default: string;
  readonly models: Readonly<Record<string, NamedModel>>;
}

/** What a model that weights.config.json does not name is run with. */
export const UNNAMED = { frames: DEFAULT_FRAMES };

/** `owner/name` or `owner/name@revision`; a path would begin with a dot or a slash, or go deeper. */
export const HUB_ID = /^(\w[\w.-]*\/\w[\w.-]*)(?:@(\S+))?$/;

/** @throws InputError if it is not what weights.config.schema.json says, as far as running a model needs it. */
export function checkCatalogue(config: WeightsConfig, file: string): void {
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
}

/** What a named model is run with where nobody says otherwise. */
export function defaultsOf(named: NamedModel): ModelDefaults {
  const { frames, fps, forceSample, similarityLowerBound, ratioLowerBound, prompt } = named;
  return {
    frames,
    ...(fps !== undefined && { fps }),
    ...(forceSample !== undefined && { forceSample }),
    ...(similarityLowerBound !== undefined && { similarityLowerBound }),
    ...(ratioLowerBound !== undefined && { ratioLowerBound }),
    ...(prompt !== undefined && { prompt }),
  };
}
