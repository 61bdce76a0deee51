import type { ConfigReader } from '../config.ts';
import { qwen2VlNames, rotating } from '../qwen2-vl/tower.ts';
import type { TowerConfig } from '../tower/config.ts';
import type { TowerNames } from '../tower/names.ts';

/**
 * Qwen3-VL's (Hugging Face `Qwen3VLVisionConfig`): learned positions of a square, interpolated, and features of some layers on
 * the way (deepstack).
 *
 * @throws WeightsError if a key is missing, wrong, or asks for what is not built.
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

/** Qwen3-VL's, which has learned positions and rotates, too. */
export function qwen3VlNames(prefix: string): TowerNames {
  return {
    ...qwen2VlNames(prefix),
    patchBias: true,
    positions: `${prefix}.pos_embed.weight`,
    fc1: ['mlp.linear_fc1'],
    fc2: 'mlp.linear_fc2',
    finalNorm: `${prefix}.merger.norm`,
  };
}
