/** The JSON files of a LLaVA-Video checkpoint. */
import type { WeightDtype } from './draw.ts';
import { hasPublishedTower, type ModelShape } from './shapes.ts';

/** What a config says that is not a size. */
export interface ConfigFacts {
  readonly dtype: WeightDtype;
  /** Where `image_newline` goes: after every row of a frame, or once after the video. */
  readonly newline: 'grid' | 'one_token';
  /** The id that ends an answer. */
  readonly eosTokenId: number;
}

const TORCH_DTYPE = { bf16: 'bfloat16', f16: 'float16', f32: 'float32' } as const;

/** `config.json`, with the keys of lmms-lab/LLaVA-Video-7B-Qwen2 that decide anything. */
export function modelConfig(shape: ModelShape, { dtype, newline, eosTokenId }: ConfigFacts): object {
  return {
    architectures: ['LlavaQwenForCausalLM'],
    model_type: 'llava_qwen',
    hidden_size: shape.hiddenSize,
    intermediate_size: shape.intermediateSize,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    vocab_size: shape.vocabSize,
    hidden_act: 'silu',
    rms_norm_eps: 1e-6,
    rope_theta: 1e6,
    max_position_embeddings: 32768,
    use_sliding_window: false,
    tie_word_embeddings: shape.tiedEmbeddings,
    eos_token_id: eosTokenId,
    torch_dtype: TORCH_DTYPE[dtype],
    mm_vision_tower: hasPublishedTower(shape) ? 'google/siglip-so400m-patch14-384' : 'tiny-siglip',
    mm_vision_select_layer: -2,
    mm_vision_select_feature: 'patch',
    mm_hidden_size: shape.visionHiddenSize,
    mm_projector_type: 'mlp2x_gelu',
    mm_patch_merge_type: 'spatial_unpad',
    mm_newline_position: newline,
    mm_spatial_pool_mode: 'bilinear',
    mm_spatial_pool_stride: 2,
    image_aspect_ratio: 'square',
    add_time_instruction: false,
    force_sample: true,
  };
}

/** `vision_config.json`; none for the published tower, whose repository has none either. */
export function visionConfig(shape: ModelShape): object | undefined {
  if (hasPublishedTower(shape)) return undefined;
  return {
    model_type: 'siglip_vision_model',
    hidden_size: shape.visionHiddenSize,
    intermediate_size: shape.visionIntermediateSize,
    num_hidden_layers: shape.visionLayers + 1,
    num_attention_heads: shape.visionHeads,
    num_channels: 3,
    image_size: shape.imageSize,
    patch_size: shape.patchSize,
    hidden_act: 'gelu_pytorch_tanh',
    layer_norm_eps: 1e-6,
  };
}

/** `generation_config.json`. */
export function generationConfig(eosTokenId: number): object {
  return { eos_token_id: eosTokenId, do_sample: false };
}
