import { WeightsError } from '../engine/errors.ts';
import type { CheckpointFiles } from '../engine/safetensors.ts';
import { ConfigReader } from './config.ts';

/** More than any tokenizer.json; a file beyond it is not what its name says. */
const MAX_TEXT_BYTES = 200e6;

/** The text of a file, or `undefined` if there is none of that name. */
export async function readText(files: CheckpointFiles, file: string): Promise<string | undefined> {
  const source = await files.open(file);
  if (!source) return undefined;
  try {
    if (source.size > MAX_TEXT_BYTES)
      throw new WeightsError(
        `${source.name}: must be a text file of at most ${MAX_TEXT_BYTES} bytes, it has ${source.size}.`,
      );
    return new TextDecoder().decode(await source.read(0, source.size));
  } finally {
    await source.close();
  }
}

/** A JSON file as a reader of its keys, or `undefined` if there is none of that name. */
export async function readConfig(files: CheckpointFiles, file: string): Promise<ConfigReader | undefined> {
  const text = await readText(files, file);
  return text === undefined ? undefined : new ConfigReader(`${files.name}/${file}`, text);
}
