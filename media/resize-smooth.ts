/** torchvision's antialiased bicubic resize of 8-bit RGB: as Pillow's, but in floats, rounded once at the end. */
import { filterTaps, type RgbImage } from './resize.ts';

/**
 * Resizes an image to `width` x `height` pixels; the aspect ratio is not kept.
 *
 * @returns `[height, width, 3]`.
 * @see torchvision transforms.functional.resize, BICUBIC with antialias, of which Qwen2-VL makes its videos.
 */
export function resizeSmooth(image: RgbImage, width: number, height: number): Uint8Array {
  if (image.width === width && image.height === height) return image.rgb;
  const wide = alongRows(image, width);
  const y = new Uint8Array(3 * width * height);
  const stride = 3 * width;
  const sum = new Float64Array(stride);
  for (let row = 0; row < height; row++) {
    const { first, weights } = filterTaps(image.height, height, row, 'bicubic');
    sum.fill(0);
    for (const [k, weight] of weights.entries())
      for (let i = 0; i < stride; i++) sum[i]! += wide[(first + k) * stride + i]! * weight;
    for (let i = 0; i < stride; i++) y[row * stride + i] = toByte(Math.fround(sum[i]!));
  }
  return y;
}

/** `[image.height, width, 3]`, not rounded. */
function alongRows({ width: from, height, rgb }: RgbImage, width: number): Float32Array {
  const y = new Float32Array(3 * width * height);
  for (let column = 0; column < width; column++) {
    const { first, weights } = filterTaps(from, width, column, 'bicubic');
    for (let row = 0; row < height; row++)
      for (let channel = 0; channel < 3; channel++) {
        let at = 3 * (row * from + first) + channel;
        let sum = 0;
        for (let k = 0; k < weights.length; k++, at += 3) sum += rgb[at]! * weights[k]!;
        y[3 * (row * width + column) + channel] = sum;
      }
  }
  return y;
}

/** Halves to even, as torch rounds. */
function toByte(value: number): number {
  const below = Math.floor(value);
  const rounded = value - below === 0.5 ? below + (below % 2) : Math.round(value);
  return Math.max(0, Math.min(255, rounded));
}
