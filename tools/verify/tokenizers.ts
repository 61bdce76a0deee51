import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { readTokenizer } from '../../models/tokenizer/read.ts';
import { type CaseResult, readJson, runCase } from './check.ts';

/** A text, its ids without any that are added, and the text of these with special tokens kept. */
interface TokenizerCase {
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded: string;
}

/** Whether a folder holds a tokenizer as published and cases for it. */
export function hasTokenizerCases(folder: string): boolean {
  return existsSync(join(folder, 'cases.json')) && existsSync(join(folder, 'tokenizer_config.json'));
}

/** Each text to ids and back. */
export async function* verifyTokenizer(folder: string): AsyncGenerator<CaseResult> {
  const tokenizer = await readTokenizer(folderFiles(folder));
  const cases = await readJson<readonly TokenizerCase[]>(folder, 'cases.json');
  for (const [i, { text, ids, decoded }] of cases.entries())
    yield await runCase(`tokenizers/${basename(folder)}/${i} ${JSON.stringify(text).slice(0, 40)}`, (check) => {
      check.equal('ids', tokenizer.encode(text), ids);
      check.equal('decoded', tokenizer.decode(ids, { special: true }), decoded);
    });
}
