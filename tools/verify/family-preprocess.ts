import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cutPictures } from '../../media/resize.ts';
import { type Spread, sampleFrames } from '../../media/sampling.ts';
import { type SliceConfig, slicesOf } from '../../models/minicpm-v/slices.ts';
import { centred, type PicturesOf, type Size, stretched } from '../../models/pictures.ts';
import { clipPixels, imagenetPixels, type Normalisation, normalise, siglipPixels } from '../../models/preprocess.ts';
import { bucketIds } from '../../models/tower/buckets.ts';
import { type CaseResult, type Checker, Golden, limits, readJson, runCase } from './check.ts';
import { fromStrip } from './strip.ts';

/** How a family makes pictures of frames; one that is not here is not covered. */
interface Form {
  cut(facts: Facts): PicturesOf;
  readonly pixels: Normalisation;
}

const forms: Readonly<Record<string, Form>> = {
  llava_next_video: { cut: ({ size = 0 }) => centred(size), pixels: clipPixels },
  internvl2_5: {
    cut:
      ({ image_size: side = 0 }) =>
      () => [stretched({ width: side, height: side })],
    pixels: imagenetPixels,
  },
  minicpmv2_6: { cut: (facts) => slicesOf(sliceConfig(facts)), pixels: siglipPixels },
};

/** `<case>.json`. */
interface Facts {
  size?: number;
  image_size?: number;
  scale_resolution?: number;
  patch_size?: number;
  max_slice_nums?: number;
  /** Pieces that a picture is cut into; frames of a video are not. */
  tiles?: number;
}

type Pair = readonly [number, number];

interface Tables {
  frame_indices?: { fps: number; max_frame: number; num_segments: number; indices: number[] }[];
  frame_sampling?: { total_frames: number; avg_fps: number; max_frames: number; indices: number[] }[];
  slicing_448?: { width: number; height: number; max_slice_nums: number; grid: Pair; source: Pair; refined: Pair }[];
  position_rows_of_70?: Record<string, number[]>;
}

function sliceConfig({ scale_resolution = 448, patch_size = 14, max_slice_nums = 9 }: Facts): SliceConfig {
  return { scaleResolution: scale_resolution, patchSize: patch_size, maxSlices: max_slice_nums };
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
    const facts = await readJson<Facts>(folder, `${name}.json`);
    if ((facts.tiles ?? 1) > 1) yield undefined;
    else
      yield await runCase(`${family}/preprocess/${name}`, (check) =>
        verifyPicture(join(folder, `${name}.safetensors`), facts, form, check),
      );
  }
  if (tables !== undefined && existsSync(join(folder, tables)))
    yield* verifyTables(`${family}/preprocess`, await readJson<Tables>(folder, tables));
}

async function* verifyTables(heading: string, tables: Tables): AsyncGenerator<CaseResult> {
  for (const row of tables.frame_indices ?? [])
    yield await runCase(`${heading}/${row.num_segments} of ${row.max_frame + 1} frames`, (check) =>
      verifySpread('middles', { frames: row.max_frame + 1, maxFrames: row.num_segments, indices: row.indices }, check),
    );
  for (const { total_frames: frames, avg_fps: averageFps, max_frames: maxFrames, indices } of tables.frame_sampling ??
    [])
    yield await runCase(`${heading}/${maxFrames} of ${frames} frames`, (check) =>
      check.equal('indices', sampleFrames({ frames, averageFps, maxFrames, spread: 'thinned' }).indices, indices),
    );
  for (const { width, height, ...row } of tables.slicing_448 ?? [])
    yield await runCase(`${heading}/slices of ${width} x ${height}`, (check) => {
      const [source, ...slices] = slicesOf(sliceConfig(row))({ width, height });
      const pair = (size?: Size): Pair | null => (size ? [size.width, size.height] : null);
      check.equal('source', pair(source), row.source);
      check.equal('refined', pair(slices[0]?.resized), row.refined);
      const [columns, rows] = [new Set(slices.map(({ left }) => left)), new Set(slices.map(({ top }) => top))];
      check.equal('grid', slices.length > 0 ? [columns.size, rows.size] : null, row.grid);
    });
  for (const [count, buckets] of Object.entries(tables.position_rows_of_70 ?? {}))
    yield await runCase(`${heading}/positions of ${count} patches`, (check) => {
      check.equal('columns', [...bucketIds(1, Number(count), 70)], buckets);
      check.equal(
        'rows',
        [...bucketIds(Number(count), 1, 70)].map((id) => id / 70),
        buckets,
      );
    });
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

async function verifyPicture(file: string, facts: Facts, form: Form, check: Checker): Promise<void> {
  const golden = await Golden.open(file);
  const [height = 0, width = 0] = golden.get('image').shape;
  const image = { width, height, rgb: Uint8Array.from(golden.get('image').data) };
  for (const [i, picture] of form.cut(facts)(image).entries()) {
    // Several pictures of a frame have numbers, and lie as strips of patches.
    const slot = golden.has('slice0.resized_u8') ? `slice${i}.` : '';
    const got = cutPictures(image, [picture]);
    const resized = golden.has('cropped_u8') ? 'cropped_u8' : `${slot}resized_u8`;
    check.equal('size', [picture.height, picture.width, 3], golden.get(resized).shape.slice(-3));
    check.close('resized', got, golden.get(resized).data, 0);
    const wanted = golden.floats(`${slot}pixel_values`);
    const pixels = slot === '' ? wanted : fromStrip(wanted, picture, facts.patch_size ?? 0);
    check.close('pixel values', normalise([got], form.pixels), pixels, limits.pixels);
  }
}

function verifySpread(
  spread: Spread,
  { frames, maxFrames, indices }: { frames: number; maxFrames: number; indices: number[] },
  check: Checker,
): void {
  const options = { frames, maxFrames, averageFps: 30, forceSample: true, spread };
  check.equal('indices', sampleFrames(options).indices, indices);
}
