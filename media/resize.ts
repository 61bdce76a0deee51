/**
 * Pillow's resize of 8-bit RGB, byte for byte (`Resample.c` of Pillow): the kernel is widened when shrinking so that it
 * low-passes, the horizontal pass comes first, each pass is rounded to 8 bits, weights are in fixed point.
 */
import { InputError } from '../engine/errors.ts';
import type { Crop, Filter } from '../engine/geometry.ts';

/** An image of 8-bit RGB. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** `[height, width, 3]`, row major. */
  readonly rgb: Uint8Array;
}

/** The weights of one axis: output `i` is the sum of `taps` inputs from `start[i]` on. */
interface Weights {
  readonly taps: number;
  readonly start: Int32Array;
  /** Number of taps in use, per output; fewer at the borders. */
  readonly count: Int32Array;
  /** `[outputs, taps]`, in units of 2^-PRECISION_BITS. */
  readonly weight: Int32Array;
}

/** 8 bits for the result and 2 for the kernel's overshoot leave this many of an int32 for the weights. */
const PRECISION_BITS = 32 - 8 - 2;
const HALF = 1 << (PRECISION_BITS - 1);

/** A kernel's reach in pixels, and its value at a distance. */
const kernels: Readonly<Record<Filter, { readonly support: number; at(distance: number): number }>> = {
  bicubic: { support: 2, at: bicubic },
  lanczos: { support: 3, at: lanczos },
};

/** Frames of one video share their geometry: weights are computed once for it. */
const cache = new Map<string, Weights>();
const CACHED = 16;

/**
 * Resizes an image to `width` x `height` pixels; the aspect ratio is not kept. An axis that already has the right
 * size is left untouched, as in Pillow, so an image of the right size is returned as it is (not a copy).
 *
 * @returns `[height, width, 3]`.
 * @throws InputError if a size is not a positive integer or `rgb` does not have the length of its image.
 */
export function resize(image: RgbImage, width: number, height: number, filter: Filter = 'bicubic'): Uint8Array {
  for (const size of [image.width, image.height, width, height])
    if (!Number.isSafeInteger(size) || size < 1)
      throw new InputError(`resize: sizes must be positive integers, got ${size}.`);
  if (image.rgb.length !== image.width * image.height * 3)
    throw new InputError(
      `resize: rgb of ${image.width}x${image.height} must have ${image.width * image.height * 3} bytes, got ${image.rgb.length}.`,
    );
  const wide = image.width === width ? image.rgb : resizeRows(image, width, filter);
  return image.height === height ? wide : resizeColumns({ width, height: image.height, rgb: wide }, height, filter);
}

/**
 * The parts of an image; what several are cropped from is resized once.
 *
 * @returns Of each `[height, width, 3]`.
 * @throws InputError as `resize`, or if a part does not lie within its resized image.
 */
export function cropEach(image: RgbImage, crops: readonly Crop[]): Uint8Array[] {
  const known = new Map<string, RgbImage>();
  return crops.map((crop) => {
    const { filter = 'bicubic' } = crop;
    let whole = image;
    let steps: string = filter;
    for (const { width, height } of [...(crop.via ?? []), crop.resized]) {
      steps += ` ${width}x${height}`;
      whole = known.get(steps) ?? { width, height, rgb: resize(whole, width, height, filter) };
      known.set(steps, whole);
    }
    return cropOne(whole, crop);
  });
}

/** The same, one after the other. */
export function cropTogether(image: RgbImage, crops: readonly Crop[]): Uint8Array {
  const parts = cropEach(image, crops);
  if (parts.length === 1) return parts[0]!;
  const all = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A part of an image; the image's own bytes if it is all of it. */
function cropOne(image: RgbImage, { left, top, width, height }: Crop): Uint8Array {
  if (left < 0 || top < 0 || left + width > image.width || top + height > image.height)
    throw new InputError(
      `cropEach: ${width}x${height} at ${left}, ${top} lies outside a frame of ${image.width}x${image.height}.`,
    );
  if (width === image.width && height === image.height) return image.rgb;
  const part = new Uint8Array(3 * width * height);
  for (let row = 0; row < height; row++) {
    const start = 3 * ((top + row) * image.width + left);
    part.set(image.rgb.subarray(start, start + 3 * width), 3 * row * width);
  }
  return part;
}

/** `[height, image.width, 3]` to `[height, width, 3]`. */
function resizeRows(image: RgbImage, width: number, filter: Filter): Uint8Array {
  const { taps, start, count, weight } = weights(image.width, width, filter);
  const from = image.rgb;
  const to = new Uint8Array(width * image.height * 3);
  for (let row = 0, out = 0; row < image.height; row++)
    for (let x = 0; x < width; x++, out += 3) {
      const last = x * taps + count[x]!;
      let at = (row * image.width + start[x]!) * 3;
      let r = HALF;
      let g = HALF;
      let b = HALF;
      for (let k = x * taps; k < last; k++, at += 3) {
        const w = weight[k]!;
        r += from[at]! * w;
        g += from[at + 1]! * w;
        b += from[at + 2]! * w;
      }
      to[out] = clip(r);
      to[out + 1] = clip(g);
      to[out + 2] = clip(b);
    }
  return to;
}

/** `[image.height, width, 3]` to `[height, width, 3]`. A row is summed whole, to read memory in order. */
function resizeColumns(image: RgbImage, height: number, filter: Filter): Uint8Array {
  const { taps, start, count, weight } = weights(image.height, height, filter);
  const stride = image.width * 3;
  const from = image.rgb;
  const to = new Uint8Array(stride * height);
  const sum = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sum.fill(HALF);
    for (let k = 0; k < count[y]!; k++) {
      const w = weight[y * taps + k]!;
      const at = (start[y]! + k) * stride;
      for (let i = 0; i < stride; i++) sum[i]! += from[at + i]! * w;
    }
    for (let i = 0; i < stride; i++) to[y * stride + i] = clip(sum[i]!);
  }
  return to;
}

function clip(sum: number): number {
  return Math.max(0, Math.min(sum >> PRECISION_BITS, 255));
}

function weights(from: number, to: number, filter: Filter): Weights {
  const key = `${filter} ${from}>${to}`;
  const known = cache.get(key);
  if (known) return known;
  if (cache.size >= CACHED) cache.clear();
  const computed = computeWeights(from, to, filter);
  cache.set(key, computed);
  return computed;
}

function computeWeights(from: number, to: number, filter: Filter): Weights {
  const all = Array.from({ length: to }, (_, i) => filterTaps(from, to, i, filter));
  const taps = all.reduce((most, { weights }) => Math.max(most, weights.length), 0);
  const weight = new Int32Array(to * taps);
  for (const [i, { weights }] of all.entries())
    for (const [k, w] of weights.entries()) weight[i * taps + k] = toFixedPoint(w);
  return {
    taps,
    start: Int32Array.from(all, ({ first }) => first),
    count: Int32Array.from(all, ({ weights }) => weights.length),
    weight,
  };
}

/** Inputs `first` and on that output `i` of an axis is the sum of, by weights that sum to 1. */
export function filterTaps(from: number, to: number, i: number, filter: Filter): { first: number; weights: number[] } {
  const { support: reach, at } = kernels[filter];
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const support = reach * stretch;
  const center = (i + 0.5) * scale;
  const first = Math.max(0, Math.trunc(center - support + 0.5));
  const end = Math.min(from, Math.trunc(center + support + 0.5));
  // Pillow multiplies by the inverse of the stretch; dividing rounds differently.
  const kernel = Array.from({ length: end - first }, (_, k) => at((k + first - center + 0.5) * (1 / stretch)));
  const total = kernel.reduce((sum, w) => sum + w, 0);
  return { first, weights: kernel.map((w) => w / total) };
}

/** Keys' cubic convolution kernel with a = -0.5, in Pillow's order of operations. */
function bicubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/** Lanczos' windowed sinc with three lobes a side. */
function lanczos(distance: number): number {
  return -3 <= distance && distance < 3 ? sinc(distance) * sinc(distance / 3) : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Rounds half away from zero. */
function toFixedPoint(weight: number): number {
  return Math.trunc(weight * 2 ** PRECISION_BITS + (weight < 0 ? -0.5 : 0.5));
}
