/** Frames as pictures that a page shows. */
import type { Size } from '../../engine/geometry.ts';

/** @param rgb - `[height, width, 3]`, 8 bit; what follows is left out. */
export async function pictureOf(rgb: Uint8Array, { width, height }: Size): Promise<Blob> {
  const { data } = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) data[4 * pixel + channel] = rgb[3 * pixel + channel]!;
    data[4 * pixel + 3] = 255;
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext('2d')!.putImageData(new ImageData(data, width, height), 0, 0);
  return canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
}
