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
 * What every 8-bit value of a channel becomes: `(value / 255 - mean) / std`, each step rounded to f32 as the references' arrays
 * are.
 *
 * @returns `[3, 256]`, for `normalise` of the kernels.
 */
export function pixelValues({ mean, std }: Normalisation): Float32Array {
  return Float32Array.from({ length: 3 * 256 }, (_, i) => {
    const [channel, value] = [i >> 8, i & 255];
    return fround(fround(fround(value * fround(1 / 255)) - fround(mean[channel]!)) / fround(std[channel]!));
  });
}
