/** Pictures to the pieces that a model wants. */
import { type Cut, cutParts, type RgbImage, type Size } from './resize.ts';

/** A picture and what it is called. */
export interface Picture extends RgbImage {
  readonly name: string;
}

/** Pieces of one size: of each, what the whole picture is resized to, and where in that it begins. */
export interface Pieces {
  readonly size: Size;
  readonly pieces: readonly Pick<Cut, 'resized' | 'left' | 'top'>[];
}

/**
 * Cuts a picture as a model's `pictureFormat` says, resized as Pillow's bicubic does.
 *
 * @returns For `encodePicture`: images of `width` x `height` pixels, `[height, width, 3]`.
 */
export function cutPicture(picture: RgbImage, { size, pieces }: Pieces): { images: Uint8Array[] } & Size {
  const cuts = pieces.map((piece) => ({ ...size, ...piece }));
  return { ...size, images: cutParts(picture, cuts) };
}
