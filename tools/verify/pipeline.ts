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
  runCase,
  TOWER_LAYERS,
} from './check.ts';
import { verifyVariant } from './decoder.ts';

interface Input {
  new_tokens: number;
}

/** What multiplies in which precision, with weights as they are stored. */
export const dtypes = { f32: 'f32', f16: 'auto' } as const;

/** Every variant of a whole model: from pixels and ids with -200 to generated ids. */
export async function* verifyPipeline(folder: string, runtime: Runtime, precision = exact): AsyncGenerator<CaseResult> {
  const { model: name, variants } = await readJson<{ model: string; variants: string[] }>(folder, 'index.json');
  const input = await readJson<Input>(folder, 'input.json');
  const golden = await Golden.open(join(folder, 'input.safetensors'));
  using model = await loadCheckpoint(folderFiles(folder), runtime, { dtype: dtypes[precision.computeDtype] });
  using video = await encodePixels(model, golden);
  const ids = golden.integers('input_ids');
  const prompt = (rec: Recorder): Prompt => promptOf(model.parts, rec, ids, { video });
  yield await runCase(`pipeline/${name}/prompt`, (check) =>
    verifyPrompt(folder, variants, { runtime, prompt, golden, model, precision }, check),
  );
  for (const variant of variants)
    yield await runCase(`pipeline/${name}/${variant}`, (check) =>
      verifyVariant(
        {
          folder,
          variant,
          runtime,
          decoder: model.parts.decoder,
          prompt,
          newTokens: input.new_tokens,
          precision,
          towerLayers: TOWER_LAYERS,
        },
        check,
      ),
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
export async function verifyPrompt(
  folder: string,
  variants: readonly string[],
  at: {
    runtime: Runtime;
    prompt: (rec: Recorder) => Prompt;
    golden: Golden;
    model: VideoModel;
    precision: Precision;
  },
  check: Checker,
): Promise<void> {
  check.equal('unread tensors', at.model.unusedTensors, []);
  const rec = at.runtime.recorder('prompt');
  const { hidden, layout, rotary } = at.prompt(rec);
  const want = at.golden.floats('inputs_embeds');
  check.close('inputs_embeds', await rec.read(hidden), want, at.precision.vision(want, TOWER_LAYERS));
  const rows = hidden.shape2()[0];
  const patch = Array.from((await rec.read(layout.planes)).subarray(0, rows), (type) =>
    type === NOT_VIDEO ? -1 : type,
  );
  for (const variant of variants) {
    const wanted = await Golden.open(join(folder, `${variant}.safetensors`)).catch(() => undefined);
    if (wanted?.has('patch_type')) check.equal('patch types', patch, wanted.integers('patch_type'));
  }
  if (rotary) check.close('rotations', await rec.read(rotary), wantedRotations(at), limits.pixels);
  rec.finish();
}

/** Of the golden positions on three axes. */
function wantedRotations({ golden, model }: { golden: Golden; model: VideoModel }): Float32Array {
  const all = Uint32Array.from(golden.integers('position_ids'));
  const rows = all.length / 3;
  const axis = (i: number): Uint32Array => all.subarray(i * rows, (i + 1) * rows);
  return promptRotaryTable({ axes: [axis(0), axis(1), axis(2)], next: 0 }, model.parts.decoder.config);
}
