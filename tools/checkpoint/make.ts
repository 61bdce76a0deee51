/** A random checkpoint in the layout of LLaVA-Video: for benchmarks at real shapes, and for tests. */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../../engine/errors.ts';
import { generationConfig, modelConfig, visionConfig } from './config.ts';
import type { WeightDtype } from './draw.ts';
import { checkShape, type ModelShape, PRESETS, type PresetName } from './shapes.ts';
import { writeShards } from './shards.ts';
import { planTensors } from './tensors.ts';
import { BUNDLED, copyTokenizer, readTokenizer } from './tokenizer.ts';

/** What to make; everything has a default. */
export interface CheckpointOptions {
  /** Shapes by name. Default `tiny`. */
  readonly preset?: PresetName;
  /** Sizes that differ from the preset's. */
  readonly shape?: Partial<ModelShape>;
  /** Default `bf16`. */
  readonly dtype?: WeightDtype;
  /** Same seed, same bytes. Default 0. */
  readonly seed?: number;
  /** Where `image_newline` goes. Default `grid`, as in LLaVA-Video; OneVision has `one_token`. */
  readonly newline?: 'grid' | 'one_token';
  /** Largest file of weights, in bytes. Default 5e9, as published. */
  readonly shardBytes?: number;
  /** Folder to copy the tokenizer from. Default the bundled one; without either the checkpoint has none. */
  readonly tokenizer?: string;
  /** Hears of each file of weights when it is whole. */
  readonly onFile?: (name: string, bytes: number) => void;
}

/** What was made. */
export interface MadeCheckpoint {
  readonly tensors: number;
  /** Of weights, without headers. */
  readonly bytes: number;
}

/**
 * Writes a random checkpoint. It is written beside `folder` and renamed when it is whole, so that `folder` is there
 * complete or not at all.
 *
 * @param folder - Must not exist.
 * @throws InputError if `folder` exists, no model has the shape, or the vocabulary is smaller than the tokenizer's.
 */
export async function makeCheckpoint(folder: string, options: CheckpointOptions = {}): Promise<MadeCheckpoint> {
  const shape = { ...PRESETS[options.preset ?? 'tiny'], ...options.shape };
  checkShape(shape);
  if (!((options.shardBytes ?? 1) > 0)) throw new InputError(`shardBytes must be positive, got ${options.shardBytes}.`);
  if (existsSync(folder)) throw new InputError(`${folder} exists. Remove it or name another folder.`);
  // One name, so that what an interrupted run left is found and removed by the next.
  const partial = `${resolve(folder)}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    const made = await fill(partial, shape, options);
    await rename(partial, folder);
    return made;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function fill(folder: string, shape: ModelShape, options: CheckpointOptions): Promise<MadeCheckpoint> {
  const { dtype = 'bf16', seed = 0, newline = 'grid', shardBytes = 5e9, onFile } = options;
  const tokenizer = options.tokenizer ?? (existsSync(BUNDLED) ? BUNDLED : undefined);
  const eosTokenId = tokenizer === undefined ? shape.vocabSize - 1 : await borrow(tokenizer, folder, shape.vocabSize);
  const put = (name: string, content: object) => writeFile(join(folder, name), `${JSON.stringify(content, null, 2)}\n`);
  await put('config.json', modelConfig(shape, { dtype, newline, eosTokenId }));
  await put('generation_config.json', generationConfig(eosTokenId));
  const vision = visionConfig(shape);
  if (vision) await put('vision_config.json', vision);
  const plans = planTensors(shape);
  const bytes = await writeShards(folder, plans, { dtype, seed, shardBytes, onFile });
  return { tensors: plans.length, bytes };
}

/** Copies a tokenizer that the vocabulary has room for. */
async function borrow(tokenizer: string, folder: string, vocabSize: number): Promise<number> {
  const { size, eosTokenId } = await readTokenizer(tokenizer);
  if (size > vocabSize)
    throw new InputError(`vocabSize must be at least ${size}, as ${tokenizer} needs, got ${vocabSize}.`);
  await copyTokenizer(tokenizer, folder);
  return eosTokenId;
}
