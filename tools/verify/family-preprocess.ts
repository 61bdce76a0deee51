import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cropBicubic, resizeBicubic } from '../../media/resize.ts';
import { type Spread, sampleFrames } from '../../media/sampling.ts';
import { clipPixels, imagenetPixels, type Normalisation, normalise } from '../../models/preprocess.ts';
import { type CaseResult, type Checker, Golden, limits, readJson, runCase } from './check.ts';

/** How a family makes pictures of frames; one that is not here is not covered. */
const forms: Readonly<Record<string, { fit: 'stretch' | 'crop'; pixels: Normalisation }>> = {
  llava_next_video: { fit: 'crop', pixels: clipPixels },
  internvl2_5: { fit: 'stretch', pixels: imagenetPixels },
};

interface Picture {
  size?: number;
  image_size?: number;
  /** Pieces that a picture is cut into; frames of a video are not. */
  tiles?: number;
}

interface Tables {
  frame_indices?: { fps: number; max_frame: number; num_segments: number; indices: number[] }[];
}

/** A family's `preprocess` folder: resized pictures, and the choice of frames; undefined for what is not covered. */
export async function* verifyFamilyPreprocess(folder: string): AsyncGenerator<CaseResult | undefined> {
  const { family, cases, tables } = await readJson<{ family: string; cases: string[]; tables?: string }>(
    folder,
    'index.json',
  );
  const form = forms[family];
  if (!form) return yield undefined;
  for (const name of cases) {
    const { tiles = 1, size, image_size } = await readJson<Picture>(folder, `${name}.json`);
    if (tiles > 1) yield undefined;
    else
      yield await runCase(`${family}/preprocess/${name}`, (check) =>
        verifyPicture(join(folder, `${name}.safetensors`), size ?? image_size ?? 0, form, check),
      );
  }
  if (tables === undefined || !existsSync(join(folder, tables))) return;
  for (const row of (await readJson<Tables>(folder, tables)).frame_indices ?? [])
    yield await runCase(`${family}/preprocess/${row.num_segments} of ${row.max_frame + 1} frames`, (check) =>
      verifySpread('middles', { frames: row.max_frame + 1, maxFrames: row.num_segments, indices: row.indices }, check),
    );
}

/** NVILA's table of frames; those at a wanted rate are not covered. */
export async function* verifyFrameSampling(folder: string): AsyncGenerator<CaseResult | undefined> {
  interface Row {
    total_frames: number;
    num_frames: number;
    fps: number;
    indices: number[];
  }
  const { table } = await readJson<{ table: Row[] }>(folder, 'frame_sampling.json');
  for (const { total_frames: frames, num_frames: maxFrames, indices } of table.filter(({ fps }) => fps === 0))
    yield await runCase(`nvila/preprocess/${maxFrames} of ${frames} frames`, (check) =>
      verifySpread('nearest', { frames, maxFrames, indices }, check),
    );
  if (table.some(({ fps }) => fps > 0)) yield undefined;
}

async function verifyPicture(
  file: string,
  size: number,
  { fit, pixels }: { fit: 'stretch' | 'crop'; pixels: Normalisation },
  check: Checker,
): Promise<void> {
  const golden = await Golden.open(file);
  const [height = 0, width = 0] = golden.get('image').shape;
  const image = { width, height, rgb: Uint8Array.from(golden.get('image').data) };
  const got = fit === 'crop' ? cropBicubic(image, size) : resizeBicubic(image, size, size);
  check.close('resized', got, golden.get(fit === 'crop' ? 'cropped_u8' : 'resized_u8').data, 0);
  check.close('pixel values', normalise([got], pixels), golden.floats('pixel_values'), limits.pixels);
}

function verifySpread(
  spread: Spread,
  { frames, maxFrames, indices }: { frames: number; maxFrames: number; indices: number[] },
  check: Checker,
): void {
  const options = { frames, maxFrames, averageFps: 30, forceSample: true, spread };
  check.equal('indices', sampleFrames(options).indices, indices);
}
