/** The tokenizer that a random checkpoint borrows. */
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../engine/errors.ts';

/** The folder of the embedded model, whose tokenizer is borrowed unless another is named. */
export const BUNDLED = fileURLToPath(new URL('../../assets/tiny-llava-video', import.meta.url));

/** What a model must know of its tokenizer. */
export interface TokenizerFacts {
  /** One more than the highest id. */
  readonly size: number;
  /** The id of `<|im_end|>`, which ends an answer; of `<|endoftext|>` where there is none. */
  readonly eosTokenId: number;
}

interface TokenizerJson {
  readonly model?: { readonly vocab?: Readonly<Record<string, number>> };
  readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
}

/** @throws InputError if `folder` has no tokenizer.json with the special tokens of Qwen2. */
export async function readTokenizer(folder: string): Promise<TokenizerFacts> {
  const path = join(folder, 'tokenizer.json');
  const json: TokenizerJson = await readFile(path, 'utf8').then(JSON.parse, () => {
    throw new InputError(`${path}: expected a tokenizer, found none. Name a folder with one by --tokenizer.`);
  });
  const ids = new Map(Object.entries(json.model?.vocab ?? {}));
  for (const { id, content } of json.added_tokens ?? []) ids.set(content, id);
  const eosTokenId = ids.get('<|im_end|>') ?? ids.get('<|endoftext|>');
  if (eosTokenId === undefined)
    throw new InputError(`${path}: expected <|im_end|> or <|endoftext|> in the vocabulary, found neither.`);
  let size = 0;
  for (const id of ids.values()) size = Math.max(size, id + 1);
  return { size, eosTokenId };
}

/** Copies the tokenizer's files from one folder into another. */
export async function copyTokenizer(from: string, to: string): Promise<void> {
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) await copyFile(join(from, file), join(to, file));
}
