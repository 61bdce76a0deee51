import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderFiles } from '../../checkpoint/file-source.ts';
import type { Size } from '../../engine/geometry.ts';
import type { Recorder } from '../../engine/recorder.ts';
import { blankTimes } from '../../models/chat.ts';
import { tokensIn } from '../../models/family.ts';
import { type GenerateOptions, type GenerationStats, generate, newStats } from '../../models/generate.ts';
import type { KvCache } from '../../models/kv-cache.ts';
import type { LoadedModel } from '../../models/loaded-model.ts';
import type { TokenReducer, Tokens } from '../../models/reduction.ts';
import { loadModel } from '../../models/registry.ts';
import type { EncodedVideo, LoadOptions, VideoFrames } from '../../models/video-model.ts';
import { type CheckpointOptions, makeCheckpoint } from '../../tools/checkpoint/make.ts';
import { randomStream } from '../../tools/random.ts';
import { atEnd, sharedRuntime } from './device.ts';

/** A folder with a random checkpoint, a few layers deep and under a megabyte; the caller removes it. */
export async function checkpointFolder(options: CheckpointOptions = {}): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'ff-model-'));
  const folder = join(root, 'tiny');
  await makeCheckpoint(folder, options);
  return folder;
}

export async function removeCheckpoint(folder: string): Promise<void> {
  await rm(join(folder, '..'), { recursive: true, force: true });
}

/** Loads the checkpoint in a folder; f32 unless told otherwise, which is what can be compared. */
export async function load(folder: string, options: LoadOptions = { dtype: 'f32' }): Promise<LoadedModel> {
  return loadModel(folderFiles(folder), await sharedRuntime(), options);
}

let tiny: Promise<LoadedModel> | undefined;

/** The random model that tests share, in f32: 6 layers, frames of 70 pixels, 12 tokens each. */
export function tinyModel(): Promise<LoadedModel> {
  tiny ??= (async () => {
    const folder = await checkpointFolder();
    const model = await load(folder);
    await removeCheckpoint(folder);
    atEnd(() => model[Symbol.dispose]());
    return model;
  })();
  return tiny;
}

/** Tokens of a group of frames, of a model whose frames have one size or may have any. */
export function tokensPerGroup(model: LoadedModel): number {
  return tokensIn(model.encoder.tokenGrid(frameSize(model)));
}

/** Size of the video that frames are taken from, for models whose frames' size hangs on it. */
export const SOURCE: Size = { width: 48, height: 32 };

function frameSize({ frameFormat: { size } }: LoadedModel): Size {
  return typeof size === 'number' ? { width: size, height: size } : size(SOURCE, 5);
}

/** Frames of a picture in which a share of the pixels is drawn anew from one frame to the next. */
export function framesFor(model: LoadedModel, count: number, { seed = 1, change = 0.1 } = {}): VideoFrames {
  const { width, height } = frameSize(model);
  const stream = randomStream(seed, 'frames');
  const image = Uint8Array.from({ length: 3 * width * height }, () => stream() & 255);
  const images = Array.from({ length: count }, (_, frame) => {
    if (frame > 0) for (let i = 0; i < image.length; i++) if (stream() < change * 2 ** 32) image[i] = stream() & 255;
    return image.slice();
  });
  return { images, width, height, times: blankTimes(count) };
}

/** A prompt by its ids, `VIDEO_ID` where the video is. */
export interface Prompt {
  readonly ids: readonly number[];
  readonly video?: EncodedVideo | undefined;
}

/** A greedy generation of `maxNewTokens` ids, without stop ids: what they are and what was done. */
export async function generated(
  model: LoadedModel,
  prompt: Prompt,
  reducer?: TokenReducer,
  options: GenerateOptions = { maxNewTokens: 6 },
): Promise<{ ids: number[]; stats: GenerationStats }> {
  const stats = newStats();
  const ids: number[] = [];
  for await (const id of generate({ ...options, ...requestOf(model, prompt, reducer) }, stats)) ids.push(id);
  return { ids, stats };
}

/** What `generate` needs apart from its options. */
export function requestOf(model: LoadedModel, { ids, video }: Prompt, reducer?: TokenReducer) {
  const { decoder, runtime } = model;
  const prompt = (rec: Recorder): Tokens => model.prompt(rec, ids, video);
  return { decoder, runtime, reducer, prompt, stopIds: new Set<number>() };
}

/** The state of the sequence after a layer, and what its cache holds. */
export interface LayerTrace {
  readonly hidden: Float32Array;
  readonly positions: number[];
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/** A prefill, layer by layer, and the scores after it. */
export async function traced(
  model: LoadedModel,
  asked: Prompt,
  reducer?: TokenReducer,
): Promise<{ layers: LayerTrace[]; logits: Float32Array }> {
  const layers: LayerTrace[] = [];
  const logits = await prefilled(model, asked, reducer, async (rec, cache, layer, { hidden, position }) => {
    const { k, v } = cache.filled(layer);
    layers.push({
      hidden: (await rec.read(hidden)) as Float32Array,
      positions: [...(await rec.read(position))],
      k: (await rec.read(k)) as Float32Array,
      v: (await rec.read(v)) as Float32Array,
    });
  });
  return { layers, logits };
}

type Watch = (rec: Recorder, cache: KvCache, layer: number, tokens: Tokens) => Promise<void>;

/** The scores after a prefill; `watch` sees the sequence after each layer. */
export async function prefilled(
  model: LoadedModel,
  { ids, video }: Prompt,
  reducer?: TokenReducer,
  watch?: Watch,
): Promise<Float32Array> {
  const { decoder, runtime } = model;
  const rec = runtime.recorder('prefill');
  const cache = decoder.newCache(4);
  try {
    const tokens = model.prompt(rec, ids, video);
    const positions = tokens.hidden.shape2()[0];
    const seen = watch && ((layer: number, after: Tokens) => watch(rec, cache, layer, after));
    const run = reducer?.start(tokens, decoder.config.layers) ?? {};
    const left = await decoder.forward(rec, tokens, cache, { positions, run, ...(seen && { seen }) });
    return (await rec.read(decoder.logits(rec, decoder.lastNormed(rec, left)))) as Float32Array;
  } finally {
    rec.finish();
    cache.dispose();
  }
}
