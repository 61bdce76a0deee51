/** Command line of {@link makeCheckpoint}: `npx tsx tools/make-checkpoint.ts --help`. */
import { parseArgs } from 'node:util';
import { InputError } from '../engine/errors.ts';
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

const HELP = `Writes a random checkpoint in the layout of LLaVA-Video.

  npx tsx tools/make-checkpoint.ts FOLDER [options]

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
  const { tensors, bytes } = await makeCheckpoint(folder, readOptions(values));
  process.stdout.write(`${folder}: ${tensors} tensors, ${(bytes / 1e6).toFixed(1)} MB\n`);
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
