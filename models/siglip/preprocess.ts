/** `(value / 255 - 0.5) / 0.5` for every 8-bit value, each step rounded to f32 as the reference's arrays are. */
const normalised = Float32Array.from({ length: 256 }, (_, value) => {
  const { fround } = Math;
  return fround(fround(fround(value * fround(1 / 255)) - 0.5) / 0.5);
});

/**
 * SigLIP's pixel values of resized frames.
 *
 * @param images - Each `[height, width, 3]`, RGB in 8 bit, all of one size.
 * @returns `[images, 3, height, width]`, in -1 .. 1.
 * @see LLaVA-NeXT siglip_encoder.py, SigLipImageProcessor.
 */
export function normalise(images: readonly Uint8Array[]): Float32Array {
  const area = (images[0]?.length ?? 0) / 3;
  const pixels = new Float32Array(images.length * 3 * area);
  for (const [i, image] of images.entries())
    for (let at = 0; at < area; at++)
      for (let channel = 0; channel < 3; channel++)
        pixels[(i * 3 + channel) * area + at] = normalised[image[3 * at + channel]!]!;
  return pixels;
}
