import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { normalise } from '../../kernels/reference/normalise.ts';
import { cropEach, cropTogether, type RgbImage, resize } from '../../media/resize.ts';
import { resizeSmooth } from '../../media/resize-smooth.ts';
import { type SamplingOptions, sampleFrames } from '../../media/sampling.ts';
import { libraryFrames, middleFrames } from '../../models/internvl/internvl.ts';
import { tilesOf } from '../../models/internvl/tiles.ts';
import { thinnedFrames } from '../../models/minicpm-v/minicpm-v.ts';
import { type SliceConfig, slicesOf } from '../../models/minicpm-v/slices.ts';
import { timedFrames } from '../../models/nvila/nvila.ts';
import { centred } from '../../models/pictures.ts';
import { clipPixels, imagenetPixels, type Normalisation, pixelValues, siglipPixels } from '../../models/preprocess.ts';
import { pairedFrames } from '../../models/qwen2-vl/frames.ts';
import { frameLimits, imageLimits, smartResize } from '../../models/qwen2-vl/picture-size.ts';
import { squeezed } from '../../models/smolvlm/tiles.ts';
import { bucketIds } from '../../models/tower/buckets.ts';
import { type CaseResult, type Checker, Golden, limits, readJson, runCase } from './check.ts';
import { type PromptRow, verifyPrompts } from './prompts.ts';
import { hasQwenTables, type QwenTables, type SizeRow, verifyQwenTables } from './qwen.ts';
import { type SmolVlmTables, verifySmolVlmTables } from './smolvlm.ts';
import { fromStrip } from './strip.ts';
import { patchPlaces } from './visuals.ts';

/** What a case says of itself. */
interface Picture {
  size?: number;
  image_size?: number;
  max_num?: number;
  kind?: 'image' | 'video';
  request?: { min_pixels?: number; max_pixels?: number };
  grid_thw?: [number, number, number];
  /** `all`, or every so many. */
  stored_rows?: string;
  frames?: number;
  scale_resolution?: number;
  patch_size?: number;
  max_slice_nums?: number;
}

/** How a family makes pictures or frames into what its tower takes. */
interface Form {
  readonly show: (image: RgbImage, how: Picture) => Uint8Array[];
  readonly pixels: Normalisation;
  /** What its prompts have for every token of what is shown. */
  readonly pad?: string;
  /** Share of the bytes of a resized video that may be off by one; default `TIES`. */
  readonly differing?: number;
}

/** Of what torchvision makes of bytes, its own integer arithmetic, where Pillow's is followed (docs/deviations.md). */
const TORCHVISION = 0.01;

const internVl: Form = {
  show: (image, { image_size = 0, max_num = 1 }) => cropEach(image, tilesOf(image, image_size, max_num)),
  pixels: imagenetPixels,
};

/** A family that is not here is not covered. */
const forms: Readonly<Record<string, Form>> = {
  llava_next_video: {
    show: (image, { size = 0 }) => cropEach(image, centred(size)(image)),
    pixels: clipPixels,
  },
  internvl2_5: internVl,
  internvl3: { ...internVl, pad: '<IMG_CONTEXT>' },
  smolvlm2: {
    show: (image, { size = 0 }) => cropEach(image, squeezed(size)(image)),
    pixels: siglipPixels,
    pad: '<image>',
  },
  qwen2_vl: { show: showQwen2Vl, pixels: clipPixels },
  qwen2_5_vl: { show: showQwen2Vl, pixels: clipPixels },
  qwen3_vl: { show: showQwen3Vl, pixels: siglipPixels, differing: TORCHVISION },
};

/** Patches of published models: 16 pixels, two by two. */
const FACTOR_3 = 32;

function showQwen3Vl(image: RgbImage, { kind, request, frames = 1 }: Picture): Uint8Array[] {
  const { min_pixels: minPixels = 0, max_pixels: maxPixels = 0 } = request ?? {};
  const limits = { factor: FACTOR_3, minPixels, maxPixels, least: 0 } as const;
  const size = smartResize(image, kind === 'video' ? { ...limits, frames } : limits);
  return [resize(image, size.width, size.height)];
}

/** Patches of published models: 14 pixels, two by two. */
const FACTOR = 28;

function showQwen2Vl(image: RgbImage, { kind, request = {} }: Picture): Uint8Array[] {
  const own = imageLimits(FACTOR, {});
  const asked = { minPixels: request.min_pixels ?? own.minPixels, maxPixels: request.max_pixels ?? own.maxPixels };
  const size = smartResize(image, { ...own, ...asked });
  if (kind === 'image') return [resize(image, size.width, size.height)];
  return [resizeSmooth(image, size.width, size.height)];
}

interface Tables extends SmolVlmTables {
  prompts?: PromptRow[];
  frame_indices_transformers?: { total_frames: number; num_frames: number; indices: number[] }[];
  frame_indices?: { fps: number; max_frame: number; num_segments: number; indices: number[] }[];
  tiling_448?: { width: number; height: number; max_num: number; resized: [number, number]; images: number }[];
  smart_resize?: SizeRow[];
  frame_sampling?: (PairRow | ThinnedRow)[];
  slicing_448?: { width: number; height: number; max_slice_nums: number; grid: Pair; source: Pair; refined: Pair }[];
  position_rows_of_70?: Record<string, number[]>;
}

type Pair = readonly [number, number];

interface ThinnedRow {
  total_frames: number;
  avg_fps: number;
  max_frames: number;
  indices: number[];
}

interface PairRow {
  total_frames: number;
  video_fps: number;
  request: { fps?: number; nframes?: number; max_frames?: number };
  frames: number;
  indices: number[] | null;
  max_pixels_per_frame: number;
}

/** A family's `preprocess` folder: resized pictures, and its tables; undefined for what is not covered. */
export async function* verifyFamilyPreprocess(folder: string): AsyncGenerator<CaseResult | undefined> {
  const { family, cases, tables } = await readJson<{ family: string; cases: string[]; tables?: string }>(
    folder,
    'index.json',
  );
  const form = forms[family];
  if (!form && family !== 'minicpmv2_6') return yield undefined;
  for (const name of cases) {
    const how = await readJson<Picture>(folder, `${name}.json`);
    yield await runCase(`${family}/preprocess/${name}`, async (check) => {
      const golden = await Golden.open(join(folder, `${name}.safetensors`));
      if (form) verifyPicture(golden, how, form, check);
      else verifySlices(golden, how, check);
    });
  }
  if (tables === undefined || !existsSync(join(folder, tables))) return;
  const read = await readJson<Tables>(folder, tables);
  if (hasQwenTables(family)) yield* verifyQwenTables(family, await readJson<QwenTables>(folder, tables));
  else yield* verifyTables(family, read);
  yield* verifySmolVlmTables(read);
  if (form?.pad) yield* verifyPrompts({ family, folder, pad: form.pad }, read.prompts ?? []);
}

async function* verifyTables(family: string, tables: Tables): AsyncGenerator<CaseResult> {
  for (const { max_frame, num_segments: maxFrames, indices } of tables.frame_indices ?? [])
    yield await runCase(`${family}/preprocess/${maxFrames} of ${max_frame + 1} frames`, (check) =>
      verifySampling(
        { sample: middleFrames, forceSample: true, frames: max_frame + 1, maxFrames, averageFps: 30 },
        indices,
        check,
      ),
    );
  for (const { total_frames: frames, num_frames: maxFrames, indices } of tables.frame_indices_transformers ?? [])
    yield await runCase(`${family}/preprocess/${maxFrames} of ${frames} frames, as transformers`, (check) =>
      verifySampling({ sample: libraryFrames, forceSample: true, frames, maxFrames, averageFps: 30 }, indices, check),
    );
  for (const { width, height, max_num, resized, images } of tables.tiling_448 ?? [])
    yield await runCase(`${family}/preprocess/tiles of ${width} x ${height}`, (check) => {
      const crops = tilesOf({ width, height }, 448, max_num);
      check.equal('resized', [crops[0]?.resized.width, crops[0]?.resized.height], resized);
      check.equal('images', crops.length, images);
    });
  for (const { width, height, factor, min_pixels, max_pixels, resized } of tables.smart_resize ?? [])
    yield await runCase(
      `${family}/preprocess/size of ${width} x ${height}, ${min_pixels} to ${max_pixels}`,
      (check) => {
        const size = smartResize({ width, height }, { factor, minPixels: min_pixels, maxPixels: max_pixels });
        check.equal('resized', [size.height, size.width], resized);
      },
    );
  for (const { width, height, ...row } of tables.slicing_448 ?? [])
    yield await runCase(`${family}/preprocess/slices of ${width} x ${height}`, (check) => {
      const [source, ...slices] = slicesOf(sliceConfig(row))({ width, height });
      const pair = (size?: { width: number; height: number }): Pair | null => (size ? [size.width, size.height] : null);
      check.equal('source', pair(source), row.source);
      check.equal('refined', pair(slices[0]?.resized), row.refined);
      const [columns, rows] = [new Set(slices.map(({ left }) => left)), new Set(slices.map(({ top }) => top))];
      check.equal('grid', slices.length > 0 ? [columns.size, rows.size] : null, row.grid);
    });
  for (const [count, buckets] of Object.entries(tables.position_rows_of_70 ?? {}))
    yield await runCase(`${family}/preprocess/positions of ${count} patches`, (check) => {
      check.equal('columns', [...bucketIds(1, Number(count), 70)], buckets);
      check.equal(
        'rows',
        [...bucketIds(Number(count), 1, 70)].map((id) => id / 70),
        buckets,
      );
    });
  for (const row of tables.frame_sampling ?? [])
    if ('avg_fps' in row)
      yield await runCase(`${family}/preprocess/${row.max_frames} of ${row.total_frames} frames`, (check) =>
        verifySampling(
          { frames: row.total_frames, averageFps: row.avg_fps, maxFrames: row.max_frames, sample: thinnedFrames },
          row.indices,
          check,
        ),
      );
    else
      yield await runCase(
        `${family}/preprocess/${JSON.stringify(row.request)} of ${row.total_frames} frames`,
        (check) => verifyPairs(row, check),
      );
}

/** What the release of qwen-vl-utils that the table was made with had for all frames together. */
const OLD_TOKENS_OF_ALL = 24576;

/** Most frames of Qwen2-VL (vision_process.py, FPS_MAX_FRAMES), and its frames a second. */
const PAIRS = { maxFrames: 768, fps: 2 };

function verifyPairs(row: PairRow, check: Checker): void {
  const { fps = PAIRS.fps, nframes, max_frames = PAIRS.maxFrames } = row.request;
  const options = { sample: pairedFrames, frames: row.total_frames, averageFps: row.video_fps } as const;
  const asked = nframes === undefined ? { fps, maxFrames: max_frames } : { maxFrames: nframes, forceSample: true };
  const { indices } = sampleFrames({ ...options, ...asked });
  check.equal('frames', indices.length, row.frames);
  if (row.indices) check.equal('indices', indices, row.indices);
  check.close(
    'pixels of a frame',
    [frameLimits(FACTOR, row.frames, { ofAll: OLD_TOKENS_OF_ALL }).maxPixels],
    [row.max_pixels_per_frame],
    1e-6,
  );
}

/** NVILA's table of frames. */
export async function* verifyFrameSampling(folder: string): AsyncGenerator<CaseResult> {
  interface Row {
    total_frames: number;
    video_fps: number;
    num_frames: number;
    fps: number;
    indices: number[];
  }
  const { table } = await readJson<{ table: Row[] }>(folder, 'frame_sampling.json');
  for (const { total_frames: frames, video_fps: averageFps, num_frames: maxFrames, fps, indices } of table) {
    const how = fps > 0 ? { fps } : { forceSample: true };
    yield await runCase(`nvila/preprocess/${maxFrames} of ${frames} frames${fps > 0 ? ` at ${fps}` : ''}`, (check) =>
      verifySampling({ sample: timedFrames, frames, maxFrames, averageFps, ...how }, indices, check),
    );
  }
}

/** Share of the bytes of a float resize that lie so near to a half that the order of a sum decides (docs/deviations.md). */
const TIES = 1e-4;

function verifyPicture(golden: Golden, how: Picture, { show, pixels, differing = TIES }: Form, check: Checker): void {
  const images = sources(golden).flatMap((source) => show(source, how));
  const resized = golden.has('cropped_u8') ? 'cropped_u8' : 'resized_u8';
  const bytes = images.flatMap((image) => [...image]);
  const wanted = Uint8Array.from(golden.get(resized).data);
  check.close('resized', bytes, wanted, how.kind === 'video' ? 1 : 0);
  const other = bytes.filter((byte, i) => byte !== wanted[i]).length;
  check.equal('few bytes that differ', other <= bytes.length * differing, true);
  const each = wanted.length / images.length;
  const values = normalise(wanted, pixelValues(pixels), [images.length, each / 3, 1]);
  const { grid_thw: grid, stored_rows } = how;
  const name = how.kind === 'video' ? 'pixel_values_videos' : 'pixel_values';
  const got = grid
    ? packed(
        how.kind === 'image' ? [...values, ...values] : values,
        grid,
        Number(/\d+/.exec(stored_rows ?? '')?.[0] ?? 1),
      )
    : values;
  check.close('pixel values', got, golden.floats(name), limits.pixels);
}

/** MiniCPM-V's pictures of a frame, which have numbers and lie as strips of patches. */
function verifySlices(golden: Golden, how: Picture, check: Checker): void {
  const [image] = sources(golden);
  for (const [i, picture] of slicesOf(sliceConfig(how))(image!).entries()) {
    const got = cropTogether(image!, [picture]);
    check.equal('size', [picture.height, picture.width, 3], golden.get(`slice${i}.resized_u8`).shape);
    check.close('resized', got, golden.get(`slice${i}.resized_u8`).data, 0);
    const wanted = fromStrip(golden.floats(`slice${i}.pixel_values`), picture, how.patch_size ?? 0);
    check.close(
      'pixel values',
      normalise(got, pixelValues(siglipPixels), [1, picture.height, picture.width]),
      wanted,
      limits.pixels,
    );
  }
}

function sliceConfig({ scale_resolution = 448, patch_size = 14, max_slice_nums = 9 }: Picture): SliceConfig {
  return { scaleResolution: scale_resolution, patchSize: patch_size, maxSlices: max_slice_nums };
}

/** The picture of a golden file, or its frames. */
function sources(golden: Golden): RgbImage[] {
  const name = golden.has('image') ? 'image' : 'frames';
  const [height = 0, width = 0] = golden.get(name).shape.slice(-3);
  const all = Uint8Array.from(golden.get(name).data);
  const each = 3 * width * height;
  return Array.from({ length: all.length / each }, (_, i) => ({
    width,
    height,
    rgb: all.subarray(i * each, (i + 1) * each),
  }));
}

/** Frames as Qwen2-VL's rows of patches, of which every `step`-th. */
function packed(values: ArrayLike<number>, grid: readonly [number, number, number], step: number): number[] {
  const places = patchPlaces(grid, values.length);
  const row = values.length / (grid[0] * grid[1] * grid[2]);
  return places.filter((_, i) => Math.floor(i / row) % step === 0).map((place) => values[place]!);
}

function verifySampling(options: SamplingOptions, indices: readonly number[], check: Checker): void {
  check.equal('indices', sampleFrames(options).indices, indices);
}
