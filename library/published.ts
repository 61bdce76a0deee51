/** Published models as far as a plan needs them: their configs ship with this package, their tensors follow from those. */
import { readFileSync } from 'node:fs';
import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import { root } from './catalogue.ts';
import { type Configs, filesOfConfigs, type TokenizerJson, withMarks } from './planned-files.ts';

/**
 * Files of a published model that hold sizes and no weights, without a network. Its tokenizer is the embedded model's, so that
 * the words of a prompt are a few tokens more than they will be.
 *
 * @param name - `owner/name`.
 * @returns `undefined` if the package knows nothing of it.
 */
export async function publishedFiles(name: string): Promise<CheckpointFiles | undefined> {
  const known = publishedConfigs();
  const configs = Object.hasOwn(known, name) ? known[name] : undefined;
  return configs && plannedFiles(name, configs);
}

/** The config files of published models by `owner/name`: the keys that a plan reads, copied from the models' pages. */
export function publishedConfigs(): Readonly<Record<string, Configs>> {
  return readJson('published.json');
}

/**
 * Files of a checkpoint of any family that nobody wrote, from its configs alone.
 *
 * @throws WeightsError if no family takes the configs.
 */
export function plannedFiles(name: string, configs: Configs): Promise<CheckpointFiles> {
  const settings = readJson<object>('tiny-llava-video/tokenizer_config.json');
  return filesOfConfigs(name, configs, { tokenizer: readTokenizer(), settings });
}

/** The embedded tokenizer, with the families' own special tokens behind its others. */
export function embeddedTokenizer(): object {
  return withMarks(readTokenizer());
}

const readTokenizer = (): TokenizerJson => readJson('tiny-llava-video/tokenizer.json');

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(`${root}/assets/${file}`, 'utf8')) as T;
}
