/** Pictures to the crops that a model wants. */
import { InputError } from '../engine/errors.ts';
import type { Crop, CroppedPicture } from '../engine/geometry.ts';
import { cropTogether, type RgbImage } from './resize.ts';

/** A picture and what it is called. */
export interface Picture extends RgbImage {
  readonly name: string;
}

/**
 * Cuts a picture as a model's `pictureFormat` says, resized as Pillow's bicubic does.
 *
 * @returns What `encodePicture` takes.
 */
export function cropPicture(picture: RgbImage, crops: readonly Crop[]): CroppedPicture {
  if (typeof picture !== 'object' || picture === null || !Array.isArray(crops))
    throw new InputError('cropPicture: it must be given what openPicture returned, and crops of it.');
  return { image: cropTogether(picture, crops), crops };
}
