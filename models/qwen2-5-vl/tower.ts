import type { ConfigReader } from '../config.ts';
import { qwen2VlNames, rotating } from '../qwen2-vl/tower.ts';
import type { TowerConfig } from '../tower/config.ts';
import type { TowerNames } from '../tower/names.ts';

/**
 * Qwen2.5-VL's (Hugging Face `Qwen2_5_VLVisionConfig`): attention within windows but in some layers, root-mean-square norms,
 * SwiGLU.
 *
 * @throws WeightsError if a key is missing, wrong, or asks for what is not built.
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

/** Qwen2.5-VL's are Qwen2-VL's but for a gated MLP. */
export function qwen25VlNames(prefix: string): TowerNames {
  return { ...qwen2VlNames(prefix), fc1: ['mlp.gate_proj', 'mlp.up_proj'], fc2: 'mlp.down_proj' };
}
