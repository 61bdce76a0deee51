/** Pictures to the pieces that a model wants. */
import { type RgbImage, resizeBicubic } from './resize.ts';

/** A picture and what it is called. */
export interface Picture extends RgbImage {
  readonly name: string;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pieces of one size: of each, what the whole picture is resized to, and where in that it begins. */
export interface Pieces {
  readonly size: Size;
  readonly pieces: readonly { readonly whole: Size; readonly left: number; readonly top: number }[];
}

/**
 * Cuts a picture as a model's `pictureFormat` says, resized as Pillow's bicubic does.
 *
 * @returns For `encodePicture`: images of `width` x `height` pixels, `[height, width, 3]`.
 */
export function cutPicture(picture: RgbImage, { size, pieces }: Pieces): { images: Uint8Array[] } & Size {
  const resized = new Map<string, Uint8Array>();
  const images = pieces.map(({ whole, left, top }) => {
    const key = `${whole.width} x ${whole.height}`;
    const rgb = resized.get(key) ?? resizeBicubic(picture, whole.width, whole.height);
    resized.set(key, rgb);
    return crop({ ...whole, rgb }, { ...size, left, top });
  });
  return { ...size, images };
}

function crop(image: RgbImage, { width, height, left, top }: Size & { left: number; top: number }): Uint8Array {
  if (image.width === width && image.height === height) return image.rgb;
  const cut = new Uint8Array(3 * width * height);
  for (let row = 0; row < height; row++) {
    const start = 3 * ((top + row) * image.width + left);
    cut.set(image.rgb.subarray(start, start + 3 * width), 3 * row * width);
  }
  return cut;
}
