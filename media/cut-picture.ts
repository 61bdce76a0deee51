/** Pictures to the pieces that a model wants. */
import { type Cut, cutTogether, type RgbImage } from './resize.ts';

/** A picture and what it is called. */
export interface Picture extends RgbImage {
  readonly name: string;
}

/** A picture in pieces. */
export interface CutPicture {
  /** The pieces one after the other: each `[height, width, 3]`, RGB in 8 bit. */
  readonly image: Uint8Array;
  readonly pieces: readonly Cut[];
}

/**
 * Cuts a picture as a model's `pictureFormat` says, resized as Pillow's bicubic does.
 *
 * @returns What `encodePicture` takes.
 */
export function cutPicture(picture: RgbImage, pieces: readonly Cut[]): CutPicture {
  return { image: cutTogether(picture, pieces), pieces };
}
