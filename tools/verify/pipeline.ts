import { join } from 'node:path';
import { folderFiles } from '../../checkpoint/file-source.ts';
import type { Crop } from '../../engine/geometry.ts';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { promptRotaryTable } from '../../models/axis-positions.ts';
import { blankTimes } from '../../models/chat.ts';
import type { Pixels } from '../../models/encode.ts';
import { encodePixels as encodeFramePixels } from '../../models/encoding.ts';
import type { EncodedVideo } from '../../models/inputs.ts';
import { promptOf } from '../../models/model-parts.ts';
import { stretched } from '../../models/pictures.ts';
import { NOT_VIDEO, type Prompt } from '../../models/reduction.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import type { VideoModel } from '../../models/video-model.ts';
import {
  type CaseResult,
  type Checker,
  exact,
  Golden,
  limits,
  type Precision,
  readJson,
  runRecorded,
  TOWER_LAYERS,
} from './check.ts';
import { type VariantCase, verifyVariant } from './decoder.ts';

interface Input {
  new_tokens: number;
}

/** What multiplies in which precision, with weights as they are stored. */
export const dtypes = { f32: 'f32', f16: 'auto' } as const;

/** Every variant of a whole model: from pixels and ids with -200 to generated ids. */
export async function* verifyPipeline(folder: string, runtime: Runtime, precision = exact): AsyncGenerator<CaseResult> {
  const { model: name, variants } = await readJson<{ model: string; variants: string[] }>(folder, 'index.json');
  const { new_tokens: newTokens } = await readJson<Input>(folder, 'input.json');
  const golden = await Golden.open(join(folder, 'input.safetensors'));
  using model = await loadCheckpoint(folderFiles(folder), runtime, { dtype: dtypes[precision.computeDtype] });
  using video = await encodePixels(model, golden);
  const prompt = (rec: Recorder): Prompt => promptOf(model.parts, rec, golden.integers('input_ids'), { video });
  const at = { folder, model, golden, prompt, newTokens, precision };
  yield* verifyModel(
    `pipeline/${name}`,
    at,
    variants.map((variant) => ({ variant })),
  );
}

/** A model and a prompt, and what the reference made of them. */
interface ModelCase {
  readonly folder: string;
  readonly model: VideoModel;
  readonly golden: Golden;
  readonly prompt: (rec: Recorder) => Prompt;
  readonly newTokens: number;
  readonly precision: Precision;
}

/** The prompt of a model, then every variant. */
export async function* verifyModel(
  heading: string,
  at: ModelCase,
  variants: readonly Pick<VariantCase, 'variant' | 'options'>[],
): AsyncGenerator<CaseResult> {
  const { runtime, decoder } = at.model.parts;
  yield await runRecorded(`${heading}/prompt`, runtime, (rec, check) =>
    verifyPrompt(
      rec,
      at,
      variants.map(({ variant }) => variant),
      check,
    ),
  );
  for (const one of variants)
    yield await runRecorded(`${heading}/${one.variant}`, runtime, (rec, check) =>
      verifyVariant(rec, { ...at, ...one, decoder, towerLayers: TOWER_LAYERS }, check),
    );
}

/** A video from the pixels of a golden file. */
export function encodePixels(model: VideoModel, golden: Golden): Promise<EncodedVideo> {
  const name = golden.has('pixel_values') ? 'pixel_values' : 'pixel_values_videos';
  const [frames = 0, , height = 0, width = 0] = golden.get(name).shape;
  return encodePictures(model, frames, [{ ...stretched({ width, height }), pixels: golden.floats(name) }]);
}

/** One picture of every frame of a video: `[frames, 3, height, width]`. */
export interface PicturePixels extends Crop {
  readonly pixels: Float32Array;
}

/** A video from the pixels of a frame's pictures. @param fps - Frames that were taken for a second of it. */
export function encodePictures(
  model: VideoModel,
  frames: number,
  pictures: readonly PicturePixels[],
  fps = 1,
): Promise<EncodedVideo> {
  const pixels = pixelsOf(pictures);
  return encodeFramePixels(model.parts, { frames, pictures, pixels, times: { ...blankTimes(frames), fps } });
}

/** Frames of golden pixels, as an encoder asks for them. */
export function pixelsOf(pictures: readonly PicturePixels[]): Pixels {
  return (rec, frames, { first, count, width, height }) => {
    const each = 3 * width * height;
    const all = new Float32Array(count * frames.length * each);
    for (const [i, { pixels }] of pictures.slice(first, first + count).entries())
      for (const [k, frame] of frames.entries())
        all.set(pixels.subarray(frame * each, (frame + 1) * each), (i * frames.length + k) * each);
    return rec.upload('pixels', [count * frames.length, 3, height, width], 'f32', all);
  };
}

/** The whole prompt before the first layer: embeddings, and patch types as the reference gave them to FrameFusion. */
async function verifyPrompt(rec: Recorder, at: ModelCase, variants: readonly string[], check: Checker): Promise<void> {
  check.equal('unread tensors', at.model.unusedTensors, []);
  const { hidden, layout, rotary } = at.prompt(rec);
  const want = at.golden.floats('inputs_embeds');
  check.close('inputs_embeds', await rec.read(hidden), want, at.precision.vision(want, TOWER_LAYERS));
  const rows = hidden.shape2()[0];
  const patch = Array.from((await rec.read(layout.planes)).subarray(0, rows), (type) =>
    type === NOT_VIDEO ? -1 : type,
  );
  for (const variant of variants) {
    const wanted = await Golden.open(join(at.folder, `${variant}.safetensors`)).catch(() => undefined);
    if (wanted?.has('patch_type')) check.equal('patch types', patch, wanted.integers('patch_type'));
  }
  if (rotary) check.close('rotations', await rec.read(rotary), wantedRotations(at), limits.pixels);
}

/** Of the golden positions on three axes. */
function wantedRotations({ golden, model }: ModelCase): Float32Array {
  const all = Uint32Array.from(golden.integers('position_ids'));
  const rows = all.length / 3;
  const axis = (i: number): Uint32Array => all.subarray(i * rows, (i + 1) * rows);
  return promptRotaryTable({ axes: [axis(0), axis(1), axis(2)], next: 0 }, model.parts.decoder.config);
}
