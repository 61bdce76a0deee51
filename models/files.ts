import { Checkpoint, type CheckpointFiles } from '../checkpoint/safetensors.ts';
import { WeightsError } from '../engine/errors.ts';
import { ConfigReader } from './config.ts';
import type { NameChange } from './family.ts';

/** More than any tokenizer.json; a file beyond it is not what its name says. */
const MAX_TEXT_BYTES = 200e6;

/** A file's content, or `undefined` if there is none of that name. */
export async function readBytes(files: CheckpointFiles, file: string): Promise<Uint8Array | undefined> {
  const source = await files.open(file);
  if (!source) return undefined;
  try {
    if (source.size > MAX_TEXT_BYTES)
      throw new WeightsError(
        `${source.name}: must be a file of at most ${MAX_TEXT_BYTES} bytes, it has ${source.size}.`,
      );
    return await source.read(0, source.size);
  } finally {
    await source.close();
  }
}

/** The text of a file, or `undefined` if there is none of that name. */
export async function readText(files: CheckpointFiles, file: string): Promise<string | undefined> {
  const bytes = await readBytes(files, file);
  // A byte order mark is no part of the text.
  return bytes && new TextDecoder().decode(bytes);
}

/** As `readText`. @throws WeightsError if there is none of that name. */
export async function needText(files: CheckpointFiles, file: string): Promise<string> {
  const text = await readText(files, file);
  if (text !== undefined) return text;
  throw new WeightsError(`${files.name}/${file}: it is missing. Download the whole checkpoint.`);
}

/** A JSON file as a reader of its keys, or `undefined` if there is none of that name. */
export async function readConfig(files: CheckpointFiles, file: string): Promise<ConfigReader | undefined> {
  const text = await readText(files, file);
  return text === undefined ? undefined : new ConfigReader(`${files.name}/${file}`, text);
}

/** As `readConfig`. @throws WeightsError if there is none of that name. */
export async function needConfig(files: CheckpointFiles, file: string): Promise<ConfigReader> {
  const config = await readConfig(files, file);
  if (config) return config;
  throw new WeightsError(`${files.name}/${file}: it is missing. Download the whole checkpoint, with its folders.`);
}

/** The files of a folder below a checkpoint's; the checkpoint's own if it has no name. */
export function subFolder(files: CheckpointFiles, folder?: string): CheckpointFiles {
  if (folder === undefined) return files;
  return { name: `${files.name}/${folder}`, open: (file) => files.open(`${folder}/${file}`) };
}

/**
 * Names that transformers has given to the parts of a model since 4.52, where `model.` holds all but the head.
 */
export const NESTED_NAMES: readonly NameChange[] = [
  [/^model\.language_model\./, 'language_model.model.'],
  [/^lm_head\./, 'language_model.lm_head.'],
  [/^model\.(?=vision_tower\.|multi_modal_projector\.|image_newline$)/, ''],
];

/** Towers of models made anew since transformers 5. */
export const NEW_TOWER_NAMES: readonly NameChange[] = [
  [/^vision_tower\.(?!vision_model\.)/, 'vision_tower.vision_model.'],
];

/** Applies changes of names, one after the other. */
export function renamed(changes: readonly NameChange[]): (name: string) => string {
  return (name) => changes.reduce((changed, [from, to]) => changed.replace(from, to), name);
}

/**
 * The weights of a checkpoint, or of all of its folders as one.
 *
 * @throws WeightsError as `Checkpoint.open`, or if two folders have a tensor of one name.
 */
export async function openParts(files: CheckpointFiles, folders?: readonly string[]): Promise<Checkpoint> {
  if (!folders) return Checkpoint.open(files);
  const parts: Checkpoint[] = [];
  try {
    for (const folder of folders) parts.push(await Checkpoint.open(subFolder(files, folder)));
    return Checkpoint.join(files.name, parts);
  } catch (error) {
    await Promise.all(parts.map((part) => part.close()));
    throw error;
  }
}
