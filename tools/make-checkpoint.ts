/** Command line of {@link makeCheckpoint} and {@link makeFamilyCheckpoint}: `npm run make-checkpoint -- --help`. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseJson } from '../checkpoint/json.ts';
import { InputError } from '../engine/errors.ts';
import type { Family } from '../models/family.ts';
import { type CheckpointOptions, makeCheckpoint } from './checkpoint/make.ts';
import { type ModelShape, PRESETS, type PresetName } from './checkpoint/shapes.ts';
import { oneOf, programLine, runTool, wholeNumber } from './flags.ts';

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

const about = `Writes a random checkpoint: of LLaVA-Video's layout, or of any family by a config.json.

  npm run make-checkpoint -- FOLDER --config FILE [--family FILE] [--seed N]
  npm run make-checkpoint -- FOLDER [options]`;

const sizeFlags = Object.fromEntries(
  Object.keys(SIZES).map((name) => [name, { type: 'string', help: "a size that differs from the preset's" }] as const),
);

const flags = {
  config: { type: 'string', help: "config.json of a model of any family; its tokenizer is the embedded model's" },
  family: { type: 'string', help: 'with --config: a module with a family of your own, as default export' },
  seed: { type: 'string', default: '0', help: 'same seed, same bytes' },
  preset: { type: 'string', default: 'tiny', help: Object.keys(PRESETS).join(' | ') },
  dtype: { type: 'string', default: 'bf16', help: 'bf16 | f16 | f32' },
  'shard-bytes': { type: 'string', default: '5e9', help: 'largest file of weights' },
  tokenizer: {
    type: 'string',
    help: "folder of tokenizer.json and tokenizer_config.json (default the embedded model's)",
  },
  newline: { type: 'string', default: 'grid', help: 'grid | one_token' },
  tied: { type: 'string', help: 'true | false: whether the embedding is the head too' },
  ...sizeFlags,
} as const;

async function main(): Promise<void> {
  const { values, positionals } = programLine(about, flags);
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

function readOptions(given: ReturnType<typeof programLine<typeof flags>>['values']): CheckpointOptions {
  return {
    preset: oneOf('preset', given.preset, Object.keys(PRESETS) as PresetName[]),
    dtype: oneOf('dtype', given.dtype, ['bf16', 'f16', 'f32']),
    seed: wholeNumber('seed', given.seed),
    shardBytes: wholeNumber('shard-bytes', given['shard-bytes']),
    newline: oneOf('newline', given.newline, ['grid', 'one_token']),
    ...(given.tokenizer !== undefined && { tokenizer: given.tokenizer }),
    shape: {
      ...readSizes(given),
      ...(given.tied !== undefined && {
        tiedEmbeddings: oneOf('tied', given.tied, ['true', 'false']) === 'true',
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
