/** Pictures to the crops that a model wants. */
import { InputError } from '../engine/errors.ts';
import type { Crop, CroppedPicture, Size } from '../engine/geometry.ts';
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
  if (!(isSize(picture) && picture.rgb instanceof Uint8Array && Array.isArray(crops) && crops.every(isCrop)))
    throw new InputError('cropPicture: it must be given what openPicture returned, and crops of it.');
  return { image: cropTogether(picture, crops), crops };
}

function isSize(size: Partial<Size> | null | undefined): boolean {
  const { width, height } = size ?? {};
  return [width, height].every((side) => Number.isSafeInteger(side) && side! > 0);
}

function isCrop(crop: Partial<Crop> | null | undefined): boolean {
  return isSize(crop) && isSize(crop?.resized) && Number.isSafeInteger(crop?.left) && Number.isSafeInteger(crop?.top);
}
