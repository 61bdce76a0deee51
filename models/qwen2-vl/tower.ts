import type { ConfigReader } from '../config.ts';
import type { TowerConfig } from '../tower/config.ts';
import type { TowerNames } from '../tower/names.ts';

/**
 * Qwen2-VL's (Hugging Face `Qwen2VLVisionConfig`), which takes any size and has its activation nowhere in its config.
 *
 * @throws WeightsError if a key is missing, wrong, or asks for what is not built.
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

/** Qwen2-VL's. @param prefix - As `visual`. */
export function qwen2VlNames(prefix: string): TowerNames {
  return {
    patches: `${prefix}.patch_embed.proj`,
    patchBias: false,
    layers: `${prefix}.blocks`,
    norm1: 'norm1',
    qkv: ['attn.qkv'],
    out: 'attn.proj',
    norm2: 'norm2',
    fc1: ['mlp.fc1'],
    fc2: 'mlp.fc2',
    finalNorm: `${prefix}.merger.ln_q`,
  };
}

/** What Qwen's towers have in common: pictures of any size, patches over two frames, rotations by row and column. */
export function rotating(config: ConfigReader, hiddenSize: number, patchSize: number) {
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
