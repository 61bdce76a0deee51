import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderFiles } from '../../checkpoint/file-source.ts';
import type { Size } from '../../engine/geometry.ts';
import type { Recorder } from '../../engine/recorder.ts';
import { blankTimes } from '../../models/chat.ts';
import { tokensIn } from '../../models/family.ts';
import { type GenerateOptions, generate } from '../../models/generate.ts';
import type { Inputs, VideoFrames } from '../../models/inputs.ts';
import type { LoadOptions } from '../../models/load-options.ts';
import { promptOf } from '../../models/model-parts.ts';
import { reducing } from '../../models/reducing.ts';
import type { Listener, TokenReducer, Tokens } from '../../models/reduction.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import { Sequence } from '../../models/sequence.ts';
import { counting, type GenerationStats, newStats, noteId } from '../../models/stats.ts';
import { Tracer } from '../../models/trace.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { type CheckpointOptions, makeCheckpoint } from '../../tools/checkpoint/make.ts';
import { randomStream } from '../../tools/random.ts';
import { sharedRuntime } from './device.ts';
import { shared } from './shared.ts';

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
export async function load(folder: string, options: LoadOptions = { dtype: 'f32' }): Promise<VideoModel> {
  return loadCheckpoint(folderFiles(folder), await sharedRuntime(), options);
}

/** The random model that tests share, in f32: 6 layers, frames of 70 pixels, 12 tokens each. */
export const tinyModel: () => Promise<VideoModel> = shared(
  async () => {
    const folder = await checkpointFolder();
    const model = await load(folder);
    await removeCheckpoint(folder);
    return model;
  },
  (model) => model[Symbol.dispose](),
);

/** Tokens of a group of frames, of a model whose frames have one size or may have any. */
export function tokensPerGroup(model: VideoModel): number {
  return tokensIn(model.parts.encoder.tokenGrid(frameSize(model)));
}

/** Size of the video that frames are taken from, for models whose frames' size hangs on it. */
export const SOURCE: Size = { width: 48, height: 32 };

function frameSize({ frameFormat: { size } }: VideoModel): Size {
  return typeof size === 'number' ? { width: size, height: size } : size(SOURCE, 5);
}

/** Frames of a picture in which a share of the pixels is drawn anew from one frame to the next. */
export function framesFor(model: VideoModel, count: number, { seed = 1, change = 0.1 } = {}): VideoFrames {
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
  readonly video?: Inputs['video'];
}

interface Options extends GenerateOptions {
  readonly stopIds?: ReadonlySet<number>;
  readonly seen?: readonly number[];
  readonly trace?: boolean;
}

/** A greedy generation of `maxNewTokens` ids, without stop ids: what they are and what was done. */
export async function generated(
  model: VideoModel,
  prompt: Prompt,
  reducer?: TokenReducer,
  options: Options = { maxNewTokens: 6 },
): Promise<{ ids: number[]; stats: GenerationStats }> {
  const stats = newStats();
  const ids: number[] = [];
  for await (const id of generation(model, prompt, reducer, options, stats)) ids.push(id);
  return { ids, stats };
}

/** The ids one by one. */
export async function* generation(
  model: VideoModel,
  prompt: Prompt,
  reducer?: TokenReducer,
  options: Options = {},
  stats = newStats(),
): AsyncGenerator<number> {
  const { decoder, runtime } = model.parts;
  using sequence = new Sequence(decoder, { spare: options.maxNewTokens ?? 256 });
  const open = async (rec: Recorder): Promise<Tokens> => {
    const tokens = promptOf(model.parts, rec, prompt.ids, { video: prompt.video });
    stats.promptRows = tokens.hidden.shape2()[0];
    stats.videoTokens = tokens.layout.tokens;
    const tracer = options.trace ? new Tracer(tokens) : undefined;
    if (tracer) stats.trace = tracer.trace;
    const listeners = [counting(stats), ...(tracer ? [tracer.listen] : [])];
    const hook = reducing({ reducer, layers: model.layers, listeners, signal: options.signal });
    const left = await sequence.prefill(rec, tokens, { hook, signal: options.signal });
    stats.cacheBytes = sequence.cache.filledBytes;
    return left;
  };
  for await (const next of generate({ stopIds: new Set(), ...options, runtime, sequence, open })) {
    noteId(stats, next);
    if (!next.stop) yield next.id;
  }
}

/** The scores after a prefill. */
export async function prefilled(model: VideoModel, { ids, video }: Prompt): Promise<Float32Array> {
  const { decoder, runtime } = model.parts;
  const rec = runtime.recorder('prefill');
  using sequence = new Sequence(decoder, {});
  try {
    const left = await sequence.prefill(rec, promptOf(model.parts, rec, ids, { video }));
    return (await rec.read(sequence.logits(rec, left))) as Float32Array;
  } finally {
    rec.finish();
  }
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
  model: VideoModel,
  { ids, video }: Prompt,
  reducer?: TokenReducer,
): Promise<{ layers: LayerTrace[]; logits: Float32Array }> {
  const { decoder, runtime } = model.parts;
  const rec = runtime.recorder('prefill');
  using sequence = new Sequence(decoder, { spare: 4 });
  const layers: LayerTrace[] = [];
  const note = async ({ hidden, position }: Tokens): Promise<void> => {
    const { k, v } = sequence.cache.layers[layers.length]!.filled;
    layers.push({
      hidden: (await rec.read(hidden)) as Float32Array,
      positions: [...(await rec.read(position))],
      k: (await rec.read(k)) as Float32Array,
      v: (await rec.read(v)) as Float32Array,
    });
  };
  try {
    // What enters a layer has left the one before it.
    const listen: Listener = ({ at, entering }) => (typeof at === 'number' && at > 0 ? note(entering) : undefined);
    const hook = reducing({ reducer, layers: model.layers, listeners: [listen] });
    const left = await sequence.prefill(rec, promptOf(model.parts, rec, ids, { video }), { hook });
    await note(left);
    return { layers, logits: (await rec.read(sequence.logits(rec, left))) as Float32Array };
  } finally {
    rec.finish();
  }
}
