/** What a golden prompt shows a model: pictures and a video, from pixels in the form that the family's files have. */
import type { Size } from '../../engine/geometry.ts';
import { encodePicturePixels } from '../../models/encoding.ts';
import type { EncodedPicture, EncodedVideo, Inputs } from '../../models/inputs.ts';
import { stretched } from '../../models/pictures.ts';
import type { VideoModel } from '../../models/video-model.ts';
import type { Golden } from './check.ts';
import { encodePictures, encodePixels, type PicturePixels, pixelsOf } from './pipeline.ts';
import { fromStrip } from './strip.ts';

/** What was shown, to be given back. */
export interface Shown extends Inputs, Disposable {
  readonly pictures: readonly EncodedPicture[];
}

/** What of a prompt's own facts says how it was shown. */
interface ShownAs {
  /** What `pixel_values` are where they lie as frames: of a video, or a picture each. */
  readonly kind: 'video' | 'pictures';
  readonly slots?: readonly Slot[] | undefined;
  /** Frames that were taken for a second of video. */
  readonly fps?: number | undefined;
}

export async function showGolden(model: VideoModel, golden: Golden, { kind, slots, fps }: ShownAs): Promise<Shown> {
  const pictures: EncodedPicture[] = [];
  let video: EncodedVideo | undefined;
  if (golden.has('image_grid_thw') || golden.has('video_grid_thw')) {
    if (golden.has('image_grid_thw')) pictures.push(await packedPicture(model, golden));
    if (golden.has('video_grid_thw')) video = await packedVideo(model, golden, fps);
  } else if (slots) {
    const frames = golden.get('pixel_values.slot0').shape[0]!;
    video = await encodePictures(model, frames, slotsOf(golden, slots));
  } else if (kind === 'video') video = await encodePixels(model, golden);
  else {
    const [count = 0, , height = 0, width = 0] = golden.get('pixel_values').shape;
    const [all, each] = [golden.floats('pixel_values'), 3 * width * height];
    for (let i = 0; i < count; i++)
      pictures.push(await encodeStretched(model, { width, height }, all.subarray(i * each, (i + 1) * each)));
  }
  const dispose = (): void => {
    for (const one of [...pictures, video]) one?.[Symbol.dispose]();
  };
  return { pictures, video, [Symbol.dispose]: dispose };
}

/** Rows and columns of patches of one of a frame's pictures. */
export type Slot = readonly [rows: number, columns: number];

/** The pixels of a frame's pictures, which lie as strips of patches in MiniCPM-V's files. */
export function slotsOf(golden: Golden, slots: readonly Slot[]): PicturePixels[] {
  return slots.map(([rows, columns], i) => {
    const strips = golden.get(`pixel_values.slot${i}`);
    const side = strips.shape[2]!;
    const size = { width: columns * side, height: rows * side };
    return { ...stretched(size), pixels: fromStrip(golden.floats(`pixel_values.slot${i}`), size, side) };
  });
}

async function packedPicture(model: VideoModel, golden: Golden): Promise<EncodedPicture> {
  const { size, pixels } = unpacked(golden, 'pixel_values', 'image_grid_thw');
  return encodeStretched(model, size, pixels.subarray(0, pixels.length / 2)); // the picture lies there twice
}

function encodeStretched(model: VideoModel, size: Size, pixels: Float32Array): Promise<EncodedPicture> {
  const crop = { ...stretched(size), pixels };
  return encodePicturePixels(model.parts, [crop], pixelsOf([crop]));
}

async function packedVideo(model: VideoModel, golden: Golden, fps?: number): Promise<EncodedVideo> {
  const { size, pixels } = unpacked(golden, 'pixel_values_videos', 'video_grid_thw');
  const frames = pixels.length / (3 * size.width * size.height);
  return encodePictures(model, frames, [{ ...stretched(size), pixels }], fps);
}

/** Qwen2-VL's rows of patches as frames. */
function unpacked(golden: Golden, name: string, gridName: string): { size: Size; pixels: Float32Array } {
  const grid = golden.integers(gridName) as [number, number, number];
  const [times, rows, columns] = grid;
  const values = golden.floats(name);
  const pixels = new Float32Array(values.length);
  for (const [i, place] of patchPlaces(grid, values.length).entries()) pixels[place] = values[i]!;
  const patch = Math.sqrt(values.length / (times * rows * columns * 6));
  return { size: { width: columns * patch, height: rows * patch }, pixels };
}

/**
 * Where the elements of Qwen2-VL's rows of patches (time, row / 2, column / 2, 2, 2; channel, 2, y, x) are in frames
 * `[2 * times, 3, height, width]`.
 *
 * @param grid - Times, rows and columns of patches.
 * @param size - Elements of all.
 */
export function patchPlaces([times, rows, columns]: readonly [number, number, number], size: number): number[] {
  const patch = Math.sqrt(size / (times * rows * columns * 6));
  const radices = [patch, patch, 2, 3, 2, 2, columns / 2, rows / 2, times];
  return Array.from({ length: size }, (_, i) => {
    const [x = 0, y = 0, second = 0, channel = 0, right = 0, below = 0, column = 0, row = 0, time = 0] = digits(
      i,
      radices,
    );
    const top = (2 * row + below) * patch + y;
    const left = (2 * column + right) * patch + x;
    return (((2 * time + second) * 3 + channel) * rows * patch + top) * columns * patch + left;
  });
}

/** A number's digits in a mixed radix, the lowest first. */
function digits(number: number, radices: readonly number[]): number[] {
  let rest = number;
  return radices.map((radix) => {
    const digit = rest % radix;
    rest = Math.floor(rest / radix);
    return digit;
  });
}
