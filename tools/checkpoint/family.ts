/** Random checkpoints of any family from their configs alone: the tensors are those that the family itself asks for. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { folderFiles } from '../../checkpoint/file-source.ts';
import type { Configs } from '../../library/planned-files.ts';
import { embeddedTokenizer } from '../../library/published.ts';
import { type AskedTensor, tensorsByFolder } from '../../models/asked-tensors.ts';
import type { Family } from '../../models/family.ts';
import { specOf } from '../../models/registry.ts';
import { writeShards } from './shards.ts';
import type { TensorPlan } from './tensors.ts';
import { BUNDLED, copyTokenizer } from './tokenizer.ts';

interface MakeOptions {
  readonly seed?: number;
  readonly families?: readonly Family[];
}

/**
 * Writes a random checkpoint with the bundled tokenizer and a few tokens more, which a vocabulary of 640 has room for.
 *
 * @param configs - JSON files by their names, `config.json` among them.
 * @param options - `families`: to choose from, where it is none of the built-in ones.
 * @throws WeightsError if no family takes the configs.
 */
export async function makeFamilyCheckpoint(folder: string, configs: Configs, options: MakeOptions = {}): Promise<void> {
  const { seed = 0, families } = options;
  await mkdir(folder, { recursive: true });
  for (const [name, config] of Object.entries(configs)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), JSON.stringify(config));
  }
  const { spec } = await specOf(folderFiles(folder), families);
  const textFolder = join(folder, spec.textFolder ?? '.');
  await copyTokenizer(BUNDLED, textFolder);
  await writeFile(join(textFolder, 'tokenizer.json'), JSON.stringify(embeddedTokenizer()));
  for (const [part, tensors] of await tensorsByFolder(spec))
    await writeShards(join(folder, part), tensors.map(drawn), { dtype: 'bf16', seed, shardBytes: 5e9 });
}

/** The distribution of a tensor: each matrix keeps the variance of its input. */
export function drawn({ name, shape, as }: AskedTensor): TensorPlan {
  const [rows = 0, columns = 0] = shape;
  switch (as) {
    case 'matrix':
      return { name, shape, mean: 0, std: columns ** -0.5 };
    case 'vector':
      return { name, shape, mean: name.endsWith('.bias') ? 0 : 1, std: 0.02 };
    case 'table':
      return { name, shape, mean: 0, std: 0.1 };
    case 'transposed':
      return { name, shape, mean: 0, std: rows ** -0.5 };
  }
}
