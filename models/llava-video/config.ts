import { WeightsError } from '../../engine/errors.ts';
import { quoted } from '../../engine/text.ts';
import type { NewlinePlace, PoolMode } from '../../kernels/pool.ts';
import type { ConfigReader } from '../config.ts';
import { type DecoderConfig, qwen2Config } from '../decoder/config.ts';
import type { LlavaEncoderConfig } from '../llava-encoder.ts';
import { siglipConfig, so400m, type TowerConfig, withoutLast } from '../tower/config.ts';

/** A LLaVA-Video checkpoint's config.json, under the names of LLaVA-NeXT's `llava_qwen.py`. */
export interface LlavaVideoConfig {
  readonly text: DecoderConfig;
  readonly vision: LlavaEncoderConfig;
  /** Linear layers of the projector. */
  readonly projectorDepth: number;
  /** Whether the prompt tells the sampled times. */
  readonly timeInstruction: boolean;
  /** Whether frames are spread evenly over the whole video, however long it is. */
  readonly forceSample: boolean;
}

/**
 * @param config - config.json.
 * @param vision - vision_config.json, if the checkpoint has one. The published checkpoints have not: their tower's
 *   sizes are implied by its name.
 * @throws WeightsError if a key is missing, of the wrong type, or asks for what is not built.
 */
export function llavaVideoConfig(config: ConfigReader, vision: ConfigReader | undefined): LlavaVideoConfig {
  const text = qwen2Config(config);
  const encoder = encoderConfig(config, vision, text.hiddenSize);
  const projectorDepth = Number(/^mlp([1-9])x_gelu$/.exec(config.text('mm_projector_type', 'mlp2x_gelu'))?.[1]);
  if (!projectorDepth) throw config.wrong('mm_projector_type', '"mlp<depth>x_gelu" (no other is built)');
  return {
    text,
    vision: encoder,
    projectorDepth,
    // LLaVA-OneVision, which has one newline after the video and no such key, is not told the times.
    timeInstruction: config.flag('add_time_instruction', !encoder.finalNewline),
    forceSample: config.flag('force_sample', true),
  };
}

function encoderConfig(config: ConfigReader, vision: ConfigReader | undefined, outSize: number): LlavaEncoderConfig {
  const tower = trainedTower(config, vision);
  if (config.size('mm_hidden_size', tower.hiddenSize) !== tower.hiddenSize)
    throw config.wrong('mm_hidden_size', `the vision tower's hidden_size, ${tower.hiddenSize}`);
  config.oneOf('mm_vision_select_layer', [-2], -2);
  config.oneOf('mm_vision_select_feature', ['patch'], 'patch');
  config.oneOf('mm_spatial_pool_stride', [2], 2);
  config.oneOf('add_faster_video', [false], false);
  return {
    // LLaVA drops the encoder's last layer: a checkpoint saved from it holds one less than the config counts.
    tower: withoutLast(tower, 1),
    outSize,
    poolMode: config.oneOf<PoolMode>('mm_spatial_pool_mode', ['bilinear', 'average', 'max'], 'bilinear'),
    poolFirst: false,
    ...newlineLayout(config),
  };
}

function trainedTower(config: ConfigReader, vision: ConfigReader | undefined): TowerConfig {
  if (vision) return siglipConfig(vision);
  const name = config.text('mm_vision_tower');
  if (name.includes('siglip-so400m-patch14-384')) return so400m;
  throw new WeightsError(
    `${config.file}: mm_vision_tower ${quoted(name)} is not known by name. Put a vision_config.json with its sizes beside config.json.`,
  );
}

/** LLaVA-NeXT's default, where the key is absent, is one newline after the video. */
function newlineLayout(config: ConfigReader): { newlines: NewlinePlace; finalNewline: boolean } {
  const merge = config.text('mm_patch_merge_type', 'flat');
  if (merge === 'flat') return { newlines: 'none', finalNewline: false };
  if (!merge.startsWith('spatial')) throw config.wrong('mm_patch_merge_type', '"flat" or "spatial..."');
  const places = ['grid', 'frame', 'one_token', 'no_token'] as const;
  const place = config.oneOf('mm_newline_position', places, 'one_token');
  const newlines = place === 'grid' ? 'row' : place === 'frame' ? 'frame' : 'none';
  return { newlines, finalNewline: place === 'one_token' };
}
