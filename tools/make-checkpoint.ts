/** Command line of {@link makeCheckpoint} and {@link makeFamilyCheckpoint}: `npm run make-checkpoint -- --help`. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { parseJson } from '../checkpoint/json.ts';
import { InputError } from '../engine/errors.ts';
import type { Family } from '../models/family.ts';
import { type CheckpointOptions, makeCheckpoint } from './checkpoint/make.ts';
import { type ModelShape, PRESETS, type PresetName } from './checkpoint/shapes.ts';
import { oneOf, runTool, wholeNumber } from './flags.ts';

const SIZES = {
  'hidden-size': 'hiddenSize',
  'intermediate-size': 'intermediateSize',
  layers: 'layers',
  heads: 'heads',
  'kv-heads': 'kvHeads',
  'vocab-size': 'vocabSize',
  'vision-hidden-size': 'visionHiddenSize',
  'vision-intermediate-size': 'visionIntermediateSize',
  'vision-layers': 'visionLayers',
  'vision-heads': 'visionHeads',
  'image-size': 'imageSize',
  'patch-size': 'patchSize',
} as const satisfies Record<string, keyof ModelShape>;

const HELP = `Writes a random checkpoint: of LLaVA-Video's layout, or of any family by a config.json.

  npm run make-checkpoint -- FOLDER --config FILE [--family FILE] [--seed N]
  npm run make-checkpoint -- FOLDER [options]

  --config FILE        the config.json of a model of any family; its tokenizer is the embedded model's
  --family FILE        a module with a family of your own, as default export

Without --config:

  --preset NAME        ${Object.keys(PRESETS).join(' | ')}   [tiny]
  --dtype TYPE         bf16 | f16 | f32   [bf16]
  --seed N             same seed, same bytes   [0]
  --shard-bytes N      largest file of weights   [5e9]
  --tokenizer FOLDER   copies tokenizer.json and tokenizer_config.json   [assets/tiny-llava-video]
  --newline WHERE      grid | one_token   [grid]
  --tied true|false    whether the embedding is the head too

Sizes that differ from the preset's, each a number:
  --hidden-size --intermediate-size --layers --heads --kv-heads --vocab-size
  --vision-hidden-size --vision-intermediate-size --vision-layers --vision-heads --image-size --patch-size
`;

async function main(): Promise<void> {
  const { values, positionals } = parse();
  if (values.help) return void process.stdout.write(HELP);
  const [folder, ...rest] = positionals;
  if (folder === undefined || rest.length > 0)
    throw new InputError('Name one folder to write; --help lists the options.');
  if (values.config !== undefined) return makeByConfig(folder, values.config, values);
  const { tensors, bytes } = await makeCheckpoint(folder, readOptions(values));
  process.stdout.write(`${folder}: ${tensors} tensors, ${(bytes / 1e6).toFixed(1)} MB\n`);
}

/** Families have kernels, which need the loader of `.wgsl` files: it is imported only here. */
async function makeByConfig(folder: string, config: string, { seed, family }: { seed: string; family?: string }) {
  const { makeFamilyCheckpoint } = await import('./checkpoint/family.ts');
  const { families } = await import('../models/registry.ts');
  const own = family === undefined ? [] : [await ownFamily(family)];
  const configs = { 'config.json': await readJson(config) };
  await makeFamilyCheckpoint(folder, configs, { seed: wholeNumber('seed', seed), families: [...own, ...families] });
  process.stdout.write(`${folder}: written\n`);
}

async function readJson(file: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(file, 'utf8');
  try {
    return parseJson(text) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new InputError(`${file}: must be JSON: ${(cause as Error).message}.`, { cause });
  }
}

async function ownFamily(file: string): Promise<Family> {
  const { default: family } = (await import(pathToFileURL(resolve(file)).href)) as { default?: Family };
  if (typeof family?.spec === 'function') return family;
  throw new InputError(`--family ${file}: its default export must be a family: { architectures, spec }.`);
}

function parse() {
  const text = { type: 'string' } as const;
  const sizes = Object.fromEntries(Object.keys(SIZES).map((flag) => [flag, text]));
  const options = {
    ...sizes,
    help: { type: 'boolean', short: 'h' },
    preset: { ...text, default: 'tiny' },
    dtype: { ...text, default: 'bf16' },
    seed: { ...text, default: '0' },
    'shard-bytes': { ...text, default: '5e9' },
    newline: { ...text, default: 'grid' },
    tokenizer: text,
    config: text,
    family: text,
    tied: text,
  } as const;
  return parseArgs({ options, allowPositionals: true });
}

function readOptions(flags: ReturnType<typeof parse>['values']): CheckpointOptions {
  return {
    preset: oneOf('preset', flags.preset, Object.keys(PRESETS) as PresetName[]),
    dtype: oneOf('dtype', flags.dtype, ['bf16', 'f16', 'f32']),
    seed: wholeNumber('seed', flags.seed),
    shardBytes: wholeNumber('shard-bytes', flags['shard-bytes']),
    newline: oneOf('newline', flags.newline, ['grid', 'one_token']),
    ...(flags.tokenizer !== undefined && { tokenizer: flags.tokenizer }),
    shape: {
      ...readSizes(flags),
      ...(flags.tied !== undefined && {
        tiedEmbeddings: oneOf('tied', flags.tied, ['true', 'false']) === 'true',
      }),
    },
    onFile: (name, bytes) => void process.stderr.write(`${name} ${(bytes / 1e6).toFixed(1)} MB\n`),
  };
}

function readSizes(flags: Readonly<Record<string, unknown>>): Partial<ModelShape> {
  const given = Object.entries(SIZES).filter(([flag]) => flags[flag] !== undefined);
  return Object.fromEntries(given.map(([flag, key]) => [key, wholeNumber(flag, String(flags[flag]))]));
}

await runTool('make-checkpoint', main);
