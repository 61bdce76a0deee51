import type { Recorder } from '../../engine/recorder.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { type GeluForm, gelu } from '../../kernels/activation.ts';
import { attention, type HeadColumns } from '../../kernels/attention.ts';
import { type LinearWeights, linear } from '../../kernels/linear.ts';
import { type LayerNormWeights, layerNorm } from '../../kernels/norm.ts';
import { patchify } from '../../kernels/vision.ts';
import type { ConfigReader } from '../config.ts';
import type { WeightLoader } from '../weights.ts';

/** Sizes of a SigLIP vision tower, under the names of Hugging Face's `SiglipVisionConfig`. */
export interface SiglipConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly imageSize: number;
  readonly patchSize: number;
  readonly channels: number;
  readonly layerNormEps: number;
  readonly gelu: GeluForm;
}

/** google/siglip-so400m-patch14-384, whose sizes LLaVA implies by its name alone. */
export const so400m: SiglipConfig = {
  hiddenSize: 1152,
  intermediateSize: 4304,
  layers: 27,
  heads: 16,
  imageSize: 384,
  patchSize: 14,
  channels: 3,
  layerNormEps: 1e-6,
  gelu: 'tanh',
};

/** @throws WeightsError if a key is missing, of the wrong type, or asks for what is not built. */
export function siglipConfig(config: ConfigReader): SiglipConfig {
  const hiddenSize = config.size('hidden_size');
  const heads = config.size('num_attention_heads');
  if (hiddenSize % heads !== 0) throw config.wrong('num_attention_heads', `a divisor of ${hiddenSize}`);
  const act = config.oneOf('hidden_act', ['gelu_pytorch_tanh', 'gelu'], 'gelu_pytorch_tanh');
  const imageSize = config.size('image_size');
  const patchSize = config.size('patch_size');
  if (patchSize > imageSize) throw config.wrong('patch_size', `at most image_size, ${imageSize}`);
  return {
    hiddenSize,
    heads,
    imageSize,
    patchSize,
    intermediateSize: config.size('intermediate_size'),
    layers: config.size('num_hidden_layers'),
    channels: config.oneOf('num_channels', [3], 3),
    layerNormEps: config.positive('layer_norm_eps', 1e-6),
    gelu: act === 'gelu' ? 'erf' : 'tanh',
  };
}

/** Patches along a side of the image; what is left over at the right and below is ignored. */
export function gridOf({ imageSize, patchSize }: SiglipConfig): number {
  return Math.floor(imageSize / patchSize);
}

interface LayerWeights {
  readonly norm1: LayerNormWeights;
  readonly qkv: LinearWeights;
  readonly out: LinearWeights;
  readonly norm2: LayerNormWeights;
  readonly fc1: LinearWeights;
  readonly fc2: LinearWeights;
}

/**
 * The SigLIP vision tower as LLaVA uses it (LLaVA-NeXT `siglip_encoder.py`): patch embedding with learned positions,
 * pre-norm encoder layers without the last one, and no final norm (Zhai et al. 2023).
 */
export class Siglip {
  readonly config: SiglipConfig;
  readonly act: 'f32' | 'f16';
  readonly #patches: LinearWeights;
  readonly #positions: Tensor;
  readonly #layers: readonly LayerWeights[];

  private constructor(
    config: SiglipConfig,
    act: 'f32' | 'f16',
    weights: { patches: LinearWeights; positions: Tensor; layers: readonly LayerWeights[] },
  ) {
    this.config = config;
    this.act = act;
    this.#patches = weights.patches;
    this.#positions = weights.positions;
    this.#layers = weights.layers;
  }

  /**
   * Loads the tower under `prefix` (`...vision_model`). LLaVA drops the encoder's last layer: a checkpoint saved from
   * it holds one less than the config counts, and then all are used; of a full one, all but the last.
   *
   * @throws WeightsError if a tensor is missing or does not fit the config.
   */
  static async load(loader: WeightLoader, prefix: string, c: SiglipConfig, act: 'f32' | 'f16'): Promise<Siglip> {
    const dim = c.hiddenSize;
    const patches = await loader.linear(
      [`${prefix}.embeddings.patch_embedding`],
      [dim],
      c.channels * c.patchSize ** 2,
      { bias: true },
    );
    const table = `${prefix}.embeddings.position_embedding.weight`;
    const positions = await loader.table(table, gridOf(c) ** 2, dim);
    const layers: LayerWeights[] = [];
    for (let i = 0; i < c.layers - 1; i++) layers.push(await loadLayer(loader, `${prefix}.encoder.layers.${i}`, c));
    return new Siglip(c, act, { patches, positions, layers });
  }

  /**
   * @param pixels - `[frames, 3, imageSize, imageSize]`, f32, normalised.
   * @returns `[frames * grid^2, hiddenSize]`, f32: patches with their positions added, before the encoder.
   */
  embed(rec: Recorder, pixels: Tensor): Tensor {
    const patches = patchify(rec, pixels, this.config.patchSize, this.act);
    return linear(rec, patches, this.#patches, { residual: this.#positions });
  }

  /**
   * @param embedded - What `embed` returned.
   * @param frames - Frames in it; they do not see one another.
   * @returns `[frames * grid^2, hiddenSize]`, f32: features of every patch.
   */
  encode(rec: Recorder, embedded: Tensor, frames: number): Tensor {
    let hidden = embedded;
    for (const [i, w] of this.#layers.entries())
      hidden = rec.scope(`vision layer ${i}`, () => this.#layer(rec, w, hidden, frames), i > 0 ? hidden : undefined);
    return hidden;
  }

  #layer(rec: Recorder, w: LayerWeights, x: Tensor, frames: number): Tensor {
    const { act, config: c } = this;
    const dim = c.hiddenSize;
    const heads = { heads: c.heads, kvHeads: c.heads, headDim: dim / c.heads };
    const attended = rec.scope('attention', () => {
      const of = linear(rec, layerNorm(rec, x, w.norm1, c.layerNormEps, act), w.qkv, { out: act });
      const [q, k, v] = [0, dim, 2 * dim].map((column) => ({ of, column })) as [HeadColumns, HeadColumns, HeadColumns];
      const mixed = attention(rec, q, k, v, { ...heads, causal: false, segments: frames });
      return linear(rec, mixed, w.out, { residual: x });
    });
    const inner = linear(rec, layerNorm(rec, attended, w.norm2, c.layerNormEps, act), w.fc1, { out: act });
    return linear(rec, gelu(rec, inner, c.gelu), w.fc2, { residual: attended });
  }
}

async function loadLayer(loader: WeightLoader, name: string, c: SiglipConfig): Promise<LayerWeights> {
  const dim = c.hiddenSize;
  const attn = (part: string): string => `${name}.self_attn.${part}_proj`;
  const bias = { bias: true };
  return {
    norm1: await loader.layerNorm(`${name}.layer_norm1`, dim),
    qkv: await loader.linear([attn('q'), attn('k'), attn('v')], [dim, dim, dim], dim, bias),
    out: await loader.linear([attn('out')], [dim], dim, bias),
    norm2: await loader.layerNorm(`${name}.layer_norm2`, dim),
    fc1: await loader.linear([`${name}.mlp.fc1`], [c.intermediateSize], dim, bias),
    fc2: await loader.linear([`${name}.mlp.fc2`], [dim], c.intermediateSize, bias),
  };
}
