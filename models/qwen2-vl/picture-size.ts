import { InputError } from '../../engine/errors.ts';
import type { Size } from '../../engine/geometry.ts';
import { roundHalfEven } from '../../engine/round.ts';

/** What a size may be: sides are multiples of `factor`, and the area lies in these bounds, in pixels. */
export interface SizeLimits {
  readonly factor: number;
  readonly minPixels: number;
  readonly maxPixels: number;
  /** Frames whose areas count together, where the bounds are those of a whole video; default 1. */
  readonly frames?: number;
  /** Fewest units of `factor` that a side is rounded to before the bounds are looked at; default 1. */
  readonly least?: 0 | 1;
}

/** Longer pictures are refused, as in the reference. */
const MOST_ASPECT = 200;

/**
 * The size nearest to a picture's own that the model takes; the aspect ratio stays as far as the factor lets it.
 *
 * @throws InputError if one side is more than 200 times the other.
 * @see Qwen2-VL vision_process.py, smart_resize.
 */
export function smartResize({ width, height }: Size, limits: SizeLimits): Size {
  const { factor, minPixels, maxPixels, frames = 1, least = 1 } = limits;
  if (Math.max(width, height) > MOST_ASPECT * Math.min(width, height))
    throw new InputError(`a picture of ${width} x ${height} is too narrow: at most ${MOST_ASPECT} to 1 is taken.`);
  const whole = (side: number, round: (x: number) => number, from: number): number =>
    Math.max(from, round(side / factor)) * factor;
  const rounded = { width: whole(width, roundHalfEven, least), height: whole(height, roundHalfEven, least) };
  // Frames count in pairs.
  const area = rounded.width * rounded.height * (frames > 1 ? 2 * roundHalfEven(frames / 2) : 1);
  if (area <= maxPixels && area >= minPixels) return rounded;
  const [round, limit] = area > maxPixels ? [Math.floor, maxPixels] : [Math.ceil, minPixels];
  const scale = Math.sqrt((frames * width * height) / limit);
  return { width: whole(width / scale, round, 1), height: whole(height / scale, round, 1) };
}

/** In units of the pixels that make a token (qwen-vl-utils 0.0.14; of all frames it is 0.9 * 128,000). */
const VIDEO = { least: 128, most: 768, ofAll: 115_200 };
const IMAGE = { least: 4, most: 16383 };

/** Bounds of a checkpoint's own, from its preprocessor_config.json. */
export type OwnLimits = { readonly min?: number | undefined; readonly max?: number | undefined };

/** A picture's. */
export function imageLimits(factor: number, own: OwnLimits): SizeLimits {
  const token = factor ** 2;
  const maxPixels = Math.min(own.max ?? Number.POSITIVE_INFINITY, IMAGE.most * token);
  return { factor, minPixels: Math.min(own.min ?? IMAGE.least * token, maxPixels), maxPixels };
}

/** Frames that a token reaches over. */
const FRAMES_PER_TOKEN = 2;

/**
 * A frame's, which are tighter in videos of many: all of them together have a bound, too.
 *
 * @param own - `ofAll`: that bound in tokens, where it is not the present one.
 */
export function frameLimits(
  factor: number,
  frames: number,
  { ofAll = VIDEO.ofAll, ...own }: OwnLimits & { readonly ofAll?: number } = {},
): SizeLimits {
  const token = factor ** 2;
  const least = VIDEO.least * token;
  const share = Math.min(VIDEO.most * token, ((ofAll * token) / frames) * FRAMES_PER_TOKEN);
  const maxPixels = Math.min(Math.max(share, Math.trunc(1.05 * least)), own.max ?? Number.POSITIVE_INFINITY);
  return { factor, minPixels: Math.min(least, maxPixels), maxPixels };
}
