/** What a model's name means in Node: a name of weights.config.json, a folder, or a Hugging Face id. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../engine/errors.ts';
import { plainText, withoutSecrets } from '../engine/text.ts';
import { checkCatalogue, HUB_ID, type NamedModel, UNNAMED, type WeightsConfig } from './named-model.ts';
import { pastedName } from './pasted.ts';

/** A model that was asked for: its settings, and its folder or the repository that has it. */
export interface ModelChoice extends NamedModel {
  readonly name: string;
  /** That it is named nowhere and only spelt like an id: it may have been meant as a folder. */
  readonly guessed?: boolean;
  /** Of a folder with a checkpoint, where it is on the web. */
  readonly address?: string;
}

/** The package's own folder: this file is one level below it, in the source as in the build. */
export const root = fileURLToPath(new URL('..', import.meta.url));

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
  checkCatalogue(config, file);
  return config;
}

/**
 * A name of weights.config.json, a checkpoint folder, or a Hugging Face id; looks at no network.
 *
 * @throws InputError if it is none of them.
 */
export function chooseModel(wanted?: string): ModelChoice {
  const config = weightsConfig();
  const name = nameOf(wanted ?? config.default);
  if (/^https?:\/\//i.test(name)) return { ...UNNAMED, name: withoutSecrets(name), address: name };
  const named = modelNamed(config, name);
  if (named?.folder) return { ...named, name, folder: join(root, named.folder) };
  // Where someone has put the files outranks where they could be had.
  if (isFolder(name)) return named ? { ...named, name, folder: name } : unnamedFolder(name);
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

function unnamedFolder(name: string): ModelChoice {
  return { ...UNNAMED, name: basename(resolve(name)), folder: name };
}

/** A model by its id; another revision of one that is named keeps that one's settings. */
function hubModel(config: WeightsConfig, name: string): ModelChoice | undefined {
  const [, repository, revision] = HUB_ID.exec(name) ?? [];
  if (repository === undefined) return undefined;
  const named = modelNamed(config, repository);
  const settings = named?.repository ? named : { ...UNNAMED, repository, guessed: true };
  return { ...settings, name, ...(revision !== undefined && { revision }) };
}
