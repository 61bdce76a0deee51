/** The small files beside the weights: settings, tokenizer, chat template, and what is for people to read. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WeightsError } from '../../engine/errors.ts';

/** Names that they have, wherever a checkpoint comes from. */
const COMPANION =
  /^((tokenizer|chat_template|vocab|merges|readme|licen[cs]e|notice).*|.*\.(json|jinja|txt|model|md))$/i;

/** Weights, whatever they are called before the dot; an index is of weights that are not copied. */
const WEIGHTS = /\.(bin|safetensors|pt|pth|gguf|onnx|h5|msgpack)$|\.index\.json$/i;

/** More than any tokenizer takes. */
const MAX_BYTES = 200e6;

/** A file to be copied, and its size. */
export interface Companion {
  readonly name: string;
  readonly bytes: number;
}

/** Those in a folder; a link counts as what it leads to. */
export async function companionsIn(folder: string): Promise<Companion[]> {
  const names = (await readdir(folder)).filter((name) => COMPANION.test(name) && !WEIGHTS.test(name)).sort();
  const found = await Promise.all(
    names.map(async (name) => {
      const file = await stat(join(folder, name)).catch(() => undefined);
      return file?.isFile() && file.size <= MAX_BYTES ? [{ name, bytes: file.size }] : [];
    }),
  );
  return found.flat();
}

/** @throws WeightsError if one cannot be read. */
export async function copyCompanions(from: string, to: string, companions: readonly Companion[]): Promise<void> {
  for (const { name } of companions) {
    // Not `copyFile`, which copies permissions, too: those of a cache forbid writing.
    const bytes = await readFile(join(from, name)).catch((cause: Error) => {
      throw new WeightsError(`${join(from, name)}: cannot be read: ${cause.message}.`, { cause });
    });
    await writeFile(join(to, name), bytes, { flag: 'wx' });
  }
}
