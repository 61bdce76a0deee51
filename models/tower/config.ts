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

/**
 * Qwen2-VL's (Hugging Face `Qwen2VLVisionConfig`), which takes any size and has its activation nowhere in its config.
 *
 * @throws as `siglipConfig`.
 */
export function qwen2VlTowerConfig(config: ConfigReader): TowerConfig {
  config.oneOf('hidden_act', ['quick_gelu'], 'quick_gelu');
  const hiddenSize = config.size('embed_dim', 1280);
  const tower: TowerConfig = {
    ...rotating(config, hiddenSize, 14),
    intermediateSize: hiddenSize * config.size('mlp_ratio', 4),
    activation: 'quick',
  };
  config.refuseUnread();
  return tower;
}

/**
 * Qwen2.5-VL's (Hugging Face `Qwen2_5_VLVisionConfig`): attention within windows but in some layers, root-mean-square norms,
 * SwiGLU.
 *
 * @throws as `siglipConfig`.
 */
export function qwen25VlTowerConfig(config: ConfigReader): TowerConfig {
  config.oneOf('hidden_act', ['silu'], 'silu');
  const base = rotating(config, config.size('hidden_size', 1280), 14);
  const token = base.patchSize * config.size('spatial_merge_size', 2);
  const window = config.size('window_size', 112);
  if (window < token) throw config.wrong('window_size', `at least ${token}, the side of a token`);
  const except = config.numbers('fullatt_block_indexes');
  if (!except.every((layer) => layer >= 0 && layer < base.layers))
    throw config.wrong('fullatt_block_indexes', `layers from 0 to ${base.layers - 1}`);
  const tower: TowerConfig = {
    ...base,
    intermediateSize: config.size('intermediate_size'),
    norm: 'rms',
    activation: 'swiglu',
    windows: { side: Math.floor(window / token) * (token / base.patchSize), except },
  };
  config.refuseUnread();
  return tower;
}

/**
 * Qwen3-VL's (Hugging Face `Qwen3VLVisionConfig`): learned positions of a square, interpolated, and features of some layers on
 * the way (deepstack).
 *
 * @throws as `siglipConfig`.
 */
export function qwen3VlTowerConfig(config: ConfigReader): TowerConfig {
  config.oneOf('hidden_act', ['gelu_pytorch_tanh'], 'gelu_pytorch_tanh');
  const base = rotating(config, config.size('hidden_size', 1152), 16);
  const places = config.size('num_position_embeddings', 2304);
  const side = Math.sqrt(places);
  if (!Number.isInteger(side)) throw config.wrong('num_position_embeddings', 'the square of an integer');
  const taps = config.numbers('deepstack_visual_indexes');
  if (!taps.every((layer, i) => layer > (taps[i - 1] ?? -1) && layer < base.layers))
    throw config.wrong('deepstack_visual_indexes', `layers from 0 to ${base.layers - 1}, ascending`);
  const tower: TowerConfig = {
    ...base,
    imageSize: side * base.patchSize,
    intermediateSize: config.size('intermediate_size'),
    activation: 'tanh',
    positions: 'interpolated',
    taps,
  };
  config.refuseUnread();
  return tower;
}

/** What Qwen's towers have in common: pictures of any size, patches over two frames, rotations by row and column. */
function rotating(config: ConfigReader, hiddenSize: number, patchSize: number) {
  const channels = config.raw('in_channels') === undefined ? 'in_chans' : 'in_channels';
  const heads = config.size('num_heads', 16);
  if (hiddenSize % (4 * heads) !== 0) throw config.wrong('num_heads', `such that a head of ${hiddenSize} has quarters`);
  return {
    hiddenSize,
    heads,
    imageSize: 0,
    patchSize: config.size('patch_size', patchSize),
    patchFrames: config.size('temporal_patch_size', 2),
    rotary: true,
    layers: config.size('depth', 32),
    channels: config.oneOf(channels, [3], 3),
    normEps: 1e-6,
  } as const;
}

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
