const { fround } = Math;

/** How 8-bit values become what a vision tower takes, for each of red, green and blue. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** SigLIP's (LLaVA-NeXT siglip_encoder.py, SigLipImageProcessor). */
export const siglipPixels: Normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** CLIP's (Hugging Face image_utils.py, OPENAI_CLIP_MEAN). */
export const clipPixels: Normalisation = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

/** ImageNet's, which InternVL takes. */
export const imagenetPixels: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * Pixel values of resized frames: `(value / 255 - mean) / std`, each step rounded to f32 as the references' arrays are.
 *
 * @param images - Each `[height, width, 3]`, RGB in 8 bit, all of one size.
 * @returns `[images, 3, height, width]`.
 */
export function normalise(images: readonly Uint8Array[], by: Normalisation): Float32Array {
  const tables = by.mean.map((mean, channel) => table(mean, by.std[channel]!));
  const area = (images[0]?.length ?? 0) / 3;
  const pixels = new Float32Array(images.length * 3 * area);
  for (const [i, image] of images.entries())
    for (const [channel, values] of tables.entries())
      for (let at = 0; at < area; at++) pixels[(i * 3 + channel) * area + at] = values[image[3 * at + channel]!]!;
  return pixels;
}

/** The result for every 8-bit value. */
function table(mean: number, std: number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, value) =>
    fround(fround(fround(value * fround(1 / 255)) - fround(mean)) / fround(std)),
  );
}
