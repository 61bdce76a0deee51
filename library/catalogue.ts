/** What a model's name means in Node: a name of weights.config.json, a folder, or a Hugging Face id. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseJson } from '../checkpoint/json.ts';
import { InputError } from '../engine/errors.ts';
import { plainText, withoutSecrets } from '../engine/text.ts';
import type { Family } from '../models/family.ts';
import { checkCatalogue, HUB_ID, type NamedModel, UNNAMED, type WeightsConfig } from './named-model.ts';
import { pastedName } from './pasted.ts';

/** A model that was asked for: its settings, and its folder or the repository that has it. */
export interface ModelChoice extends NamedModel {
  readonly name: string;
  /** That it is named nowhere and only spelt like an id: it may have been meant as a folder. */
  readonly guessed?: boolean;
  /** Of a folder with a checkpoint, where it is on the web. */
  readonly address?: string;
  /** Those to choose from; default the project's. */
  readonly families?: readonly Family[];
}

/** The package's own folder: this file is one level below it, in the source as in the build. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * weights.config.json of this package, which people edit.
 *
 * @throws InputError if it is not what weights.config.schema.json says, as far as running a model needs it.
 */
export function weightsConfig(file = join(root, 'weights.config.json')): WeightsConfig {
  const config = readJson(file) as WeightsConfig;
  checkCatalogue(config, file);
  return config;
}

function readJson(file: string): unknown {
  try {
    return parseJson(readFileSync(file, 'utf8')) as WeightsConfig;
  } catch (cause) {
    throw new InputError(`${file}: cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

/**
 * All models that have a name: those of this package's weights.config.json, and over them those of the file that the
 * environment names in FRAMEFUSION_CATALOGUE, which `ff-eval --calibrate` writes. Folders are absolute.
 *
 * @throws InputError as `weightsConfig`.
 */
export function catalogue(): WeightsConfig {
  const own = process.env.FRAMEFUSION_CATALOGUE;
  const shipped = weightsConfig();
  if (!own) return { ...shipped, models: placed(shipped, root) };
  if (!existsSync(own)) throw new InputError(`FRAMEFUSION_CATALOGUE: ${own}: there is no such file.`);
  const { default: first = shipped.default, models } = ownCatalogue(own);
  const config = {
    default: first,
    models: { ...placed(shipped, root), ...placed({ models }, dirname(resolve(own))) },
  };
  checkCatalogue(config, own);
  return config;
}

/** A catalogue of somebody's own; empty where there is no file yet. @throws InputError if it is none. */
export function ownCatalogue(file: string): Partial<WeightsConfig> & Pick<WeightsConfig, 'models'> {
  if (!existsSync(file)) return { models: {} };
  const config = readJson(file) as Partial<WeightsConfig> | undefined;
  const models = config?.models;
  if (typeof models !== 'object' || models === null || Array.isArray(models))
    throw new InputError(
      `${file}: is no catalogue of models: it must be an object with "models", as weights.config.json.`,
    );
  return { ...config, models };
}

/** An entry's folder as a catalogue has it: from where the file is. */
export function relativeTo(file: string, { folder }: NamedModel): Pick<NamedModel, 'folder'> {
  return folder === undefined ? {} : { folder: relative(dirname(resolve(file)), folder) || '.' };
}

function placed({ models }: Pick<WeightsConfig, 'models'>, from: string): WeightsConfig['models'] {
  const entries = Object.entries(models).map(([name, model]) => {
    const { folder } = model ?? {};
    return [name, typeof folder === 'string' ? { ...model, folder: resolve(from, folder) } : model] as const;
  });
  return Object.fromEntries(entries);
}

/**
 * A name of weights.config.json, a checkpoint folder, or a Hugging Face id; looks at no network.
 *
 * @throws InputError if it is none of them.
 */
export function chooseModel(wanted?: string): ModelChoice {
  const config = catalogue();
  const name = nameOf(wanted ?? config.default);
  if (/^https?:\/\//i.test(name)) return { ...UNNAMED, name: withoutSecrets(name), address: name };
  const named = modelNamed(config, name);
  if (named?.folder) return { ...named, name };
  // Where someone has put the files outranks where they could be had.
  if (isFolder(name)) return named ? { ...named, name, folder: name } : unnamedFolder(config, name);
  if (named) return { ...named, name };
  const choice = existsSync(name) ? undefined : hubModel(config, name);
  if (choice) return choice;
  const names = Object.keys(config.models).join(', ');
  throw new InputError(
    `--model ${plainText(name, 100)}: no such folder, and no name of weights.config.json (${names}). A Hugging Face id is owner/name or owner/name@revision.`,
  );
}

/** As it was meant, and the path of a `file:` address. @throws InputError if that is no path. */
function nameOf(wanted: string): string {
  const name = pastedName(wanted);
  if (!/^file:/i.test(name)) return name;
  try {
    return fileURLToPath(name);
  } catch (cause) {
    throw new InputError(`--model ${plainText(name, 100)}: it is no path of this machine. Name a folder.`, { cause });
  }
}

function modelNamed({ models }: WeightsConfig, name: string): NamedModel | undefined {
  return Object.hasOwn(models, name) ? models[name] : undefined;
}

function isFolder(name: string): boolean {
  return existsSync(name) && statSync(name).isDirectory(); // the first also takes names that no disk can have
}

/** A folder that is not asked for by a name; it may have one. */
function unnamedFolder({ models }: WeightsConfig, path: string): ModelChoice {
  const named = Object.entries(models).find(([, { folder }]) => folder === resolve(path));
  return { ...(named ? named[1] : UNNAMED), name: named?.[0] ?? basename(resolve(path)), folder: path };
}

/** A model by its id; another revision of one that is named keeps that one's settings. */
function hubModel(config: WeightsConfig, name: string): ModelChoice | undefined {
  const [, repository, revision] = HUB_ID.exec(name) ?? [];
  if (repository === undefined) return undefined;
  const named = modelNamed(config, repository);
  const settings = named?.repository ? named : { ...UNNAMED, repository, guessed: true };
  return { ...settings, name, ...(revision !== undefined && { revision }) };
}
