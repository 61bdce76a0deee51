import type { Size } from '../../engine/geometry.ts';
import type { GeluForm } from '../../kernels/activation.ts';
import type { Grid } from '../../kernels/merge-patches.ts';
import type { ConfigReader } from '../config.ts';
import type { NormKind } from './norm.ts';

/** Sizes of a vision transformer, under the names of Hugging Face. */
export interface TowerConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  /** Layers that run. */
  readonly layers: number;
  readonly heads: number;
  /** Side of the square that the table of positions is for. */
  readonly imageSize: number;
  readonly patchSize: number;
  /** Successive frames that a patch reaches over. */
  readonly patchFrames: number;
  /** Whether positions are rotations by row and column, of pictures of any size, instead of a table. */
  readonly rotary: boolean;
  readonly channels: number;
  /** Default `layer`. */
  readonly norm?: NormKind;
  readonly normEps: number;
  /** A form of GELU between the two layers of the MLP; `swiglu`: the first one's first half gates its second. */
  readonly activation: GeluForm | 'swiglu';
  /**
   * How patches find their entries in the table of positions, which is for `imageSize`: one for one, the default, or, for
   * pictures of any size, by the part of the side that they begin in, or between the entries around them.
   */
  readonly positions?: 'table' | 'buckets' | 'interpolated';
  /** Squares that attention stays in; absent: frames. */
  readonly windows?: {
    /** In patches. */
    readonly side: number;
    /** Layers that see the whole frame all the same. */
    readonly except: readonly number[];
  };
  /** Layers whose features are wanted besides the last one's. */
  readonly taps?: readonly number[];
}

/** What a kind of tower has where its config does not say. */
interface Kind {
  /** The forms of GELU that it knows, by their names in a config; the first is the default. */
  readonly acts: Readonly<Record<string, GeluForm>>;
  readonly eps: number;
}

/** SigLIP (Zhai et al. 2023). @throws WeightsError if a key is missing, of the wrong type, or asks for what is not built. */
export function siglipConfig(config: ConfigReader): TowerConfig {
  return towerConfig(config, { acts: { gelu_pytorch_tanh: 'tanh', gelu: 'erf' }, eps: 1e-6 });
}

/** CLIP (Radford et al. 2021), whose class in Hugging Face has defaults for everything. @throws as `siglipConfig`. */
export function clipConfig(config: ConfigReader): TowerConfig {
  return towerConfig(config, { acts: { quick_gelu: 'quick', gelu: 'erf' }, eps: 1e-5 });
}

/** InternViT (`configuration_intern_vit.py`; Hugging Face `InternVLVisionConfig`). @throws as `siglipConfig`. */
export function internVitConfig(config: ConfigReader): TowerConfig {
  config.oneOf('norm_type', ['layer_norm'], 'layer_norm');
  for (const key of ['qk_normalization', 'use_qk_norm']) config.oneOf(key, [false], false);
  for (const key of ['qkv_bias', 'attention_bias']) config.oneOf(key, [true], true);
  for (const key of ['use_absolute_position_embeddings', 'use_mean_pooling']) config.oneOf(key, [true], true);
  // The published files say how many experts there would be.
  config.oneOf('use_moe', [false], false);
  config.ignore(...config.keys().filter((key) => /expert|^moe_/.test(key)));
  return towerConfig(config, { acts: { gelu: 'erf' }, eps: 1e-6 });
}

function towerConfig(config: ConfigReader, { acts, eps }: Kind): TowerConfig {
  const hiddenSize = config.size('hidden_size');
  const heads = config.size('num_attention_heads');
  if (hiddenSize % heads !== 0) throw config.wrong('num_attention_heads', `a divisor of ${hiddenSize}`);
  const names = Object.keys(acts);
  const form = config.oneOf('hidden_act', names, names[0]);
  const imageSize = config.side('image_size');
  const patchSize = config.side('patch_size');
  if (patchSize > imageSize) throw config.wrong('patch_size', `at most image_size, ${imageSize}`);
  const tower = {
    hiddenSize,
    heads,
    imageSize,
    patchSize,
    intermediateSize: config.size('intermediate_size'),
    layers: config.size('num_hidden_layers'),
    ...STILL,
    channels: config.oneOf('num_channels', [3], 3),
    normEps: config.positive('layer_norm_eps', eps),
    activation: acts[form] ?? 'erf',
  };
  // PaliGemma's towers, which NVILA has, speak of a projector that is not theirs.
  config.ignore('projector_hidden_act');
  config.refuseUnread();
  return tower;
}

/** A tower for pictures of one size. */
const STILL = { patchFrames: 1, rotary: false } as const;

/** google/siglip-so400m-patch14-384, whose sizes LLaVA implies by its name alone. */
export const so400m: TowerConfig = {
  ...STILL,
  hiddenSize: 1152,
  intermediateSize: 4304,
  layers: 27,
  heads: 16,
  imageSize: 384,
  patchSize: 14,
  channels: 3,
  normEps: 1e-6,
  activation: 'tanh',
};

/** The tower without its last layers, for families that take the features before them. */
export function withoutLast(tower: TowerConfig, layers: number): TowerConfig {
  return { ...tower, layers: tower.layers - layers };
}

/** Patches of a picture; what is left over at the right and below is ignored. */
export function patchesOf({ width, height }: Size, { patchSize }: TowerConfig): Grid {
  return { rows: Math.floor(height / patchSize), columns: Math.floor(width / patchSize) };
}

/** Patches along a side of the image; what is left over at the right and below is ignored. */
export function gridOf({ imageSize, patchSize }: TowerConfig): number {
  return Math.floor(imageSize / patchSize);
}
