import type { CheckpointFiles } from '../../checkpoint/safetensors.ts';
import type { Size } from '../../engine/geometry.ts';
import { readConfig } from '../files.ts';
import { type SizeLimits, smartResize } from '../qwen2-vl/picture-size.ts';

/** Bounds on the pixels of a picture, and on those of all frames of a video together, where no file says any. */
const PICTURE = { min: 65_536, max: 16_777_216 };
const VIDEO = { min: 4096, max: 25_165_824 };

/** Tokens of the largest picture: a kernel's grid ends at 65,535 rows of patches. */
const MOST_TOKENS = 16_383;

/** The sizes that a checkpoint takes. */
export interface Sizes {
  picture(source: Size): Size;
  frame(source: Size, frames: number): Size;
}

/**
 * As the processor's files say. Unlike qwen-vl-utils it has one bound for the whole of a video, and enlarges a picture of which
 * a side would be rounded to nothing.
 *
 * @param factor - Side of a token, in pixels.
 * @see Hugging Face `image_processing_qwen2_vl.py` and `video_processing_qwen3_vl.py`, smart_resize.
 */
export async function sizesOf(files: CheckpointFiles, factor: number): Promise<Sizes> {
  const picture = await limitsOf(files, 'preprocessor_config.json', factor, PICTURE);
  const video = await limitsOf(files, 'video_preprocessor_config.json', factor, VIDEO);
  const bounded = { ...picture, maxPixels: Math.min(picture.maxPixels, MOST_TOKENS * factor ** 2) };
  return {
    picture: (source) => smartResize(source, bounded),
    frame: (source, frames) => smartResize(enlarged(source, factor), { ...video, frames: Math.max(frames, 2) }),
  };
}

/** The area of a picture or of all frames, under the names of edges. */
async function limitsOf(
  files: CheckpointFiles,
  file: string,
  factor: number,
  { min, max }: { readonly min: number; readonly max: number },
): Promise<SizeLimits> {
  const processor = await readConfig(files, file);
  const size = processor?.raw('size') === undefined ? undefined : processor.part('size');
  const maxPixels = size?.size('longest_edge', max) ?? max;
  return { factor, minPixels: Math.min(size?.size('shortest_edge', min) ?? min, maxPixels), maxPixels, least: 0 };
}

/** A frame whose shorter side is at least the side of a token. */
export function enlarged({ width, height }: Size, side: number): Size {
  const scale = side / Math.min(width, height);
  return scale > 1 ? { width: Math.trunc(width * scale), height: Math.trunc(height * scale) } : { width, height };
}
