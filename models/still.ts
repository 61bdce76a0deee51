import type { Size } from '../engine/geometry.ts';
import { bytesOf } from './pictures.ts';

/** Side of the squares in which frames are compared, in pixels: small enough that little that moves is no still. */
const SQUARE = 16;

/** Frames to be compared. */
interface Shown {
  /** Each the RGB bytes of its pictures, one after the other. */
  readonly images: readonly Uint8Array[];
  readonly pictures: readonly Size[];
  readonly framesPerGroup: number;
}

/**
 * Which groups of frames need no pass through the tower, because nothing moves in them. A group is compared with the last that
 * differed, so that slow change adds up until it counts.
 *
 * @param bound - The mean difference of a colour, of 255, that no square of 16 x 16 pixels exceeds in a still.
 * @returns For each group the earlier one that it repeats, or itself.
 */
export function stillGroups({ images, pictures, framesPerGroup }: Shown, bound: number): Uint32Array {
  const groups = Math.ceil(images.length / framesPerGroup);
  const frameOf = (group: number, i: number): Uint8Array =>
    images[Math.min(group * framesPerGroup + i, images.length - 1)]!;
  const repeats = (group: number, earlier: number): boolean =>
    Array.from({ length: framesPerGroup }, (_, i) => i).every((i) =>
      isStill(frameOf(group, i), frameOf(earlier, i), pictures, bound),
    );
  const standsFor = new Uint32Array(groups);
  for (let group = 1; group < groups; group++) {
    const last = standsFor[group - 1]!;
    standsFor[group] = repeats(group, last) ? last : group;
  }
  return standsFor;
}

function isStill(a: Uint8Array, b: Uint8Array, pictures: readonly Size[], bound: number): boolean {
  let start = 0;
  return pictures.every((picture) => {
    const [from, end] = [start, start + bytesOf([picture])];
    start = end;
    return isStillPicture(a.subarray(from, end), b.subarray(from, end), picture, bound);
  });
}

function isStillPicture(a: Uint8Array, b: Uint8Array, { width, height }: Size, bound: number): boolean {
  for (let top = 0; top < height; top += SQUARE)
    for (let left = 0; left < width; left += SQUARE) {
      const [bottom, right] = [Math.min(top + SQUARE, height), Math.min(left + SQUARE, width)];
      let sum = 0;
      for (let y = top; y < bottom; y++)
        for (let at = 3 * (y * width + left); at < 3 * (y * width + right); at++) sum += Math.abs(a[at]! - b[at]!);
      if (sum > bound * 3 * (bottom - top) * (right - left)) return false;
    }
  return true;
}
