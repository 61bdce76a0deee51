import type { Configs } from '../../library/planned-files.ts';
import { publishedConfigs } from '../../library/published.ts';

/** Configs of a tiny model of each family, with the keys of the published ones; the bundled tokenizer fits into them. */

const decoder = {
  hidden_size: 64,
  intermediate_size: 160,
  num_hidden_layers: 6,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  vocab_size: 640,
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
};

const tower = { hidden_size: 32, intermediate_size: 72, num_hidden_layers: 3, num_attention_heads: 2, patch_size: 4 };

const llava = { image_token_index: 302, video_token_index: 301, projector_hidden_act: 'gelu' };

/** By what the families are called in docs/architecture.md. */
export const families: Readonly<Record<string, Configs>> = {
  'LLaVA-OneVision, lmms-lab': {
    'config.json': {
      architectures: ['LlavaQwenForCausalLM'],
      model_type: 'llava',
      ...decoder,
      tie_word_embeddings: true,
      mm_patch_merge_type: 'spatial_unpad',
      mm_projector_type: 'mlp2x_gelu',
      mm_spatial_pool_mode: 'bilinear',
      mm_vision_tower: 'tiny',
    },
    'vision_config.json': { ...tower, num_hidden_layers: 4, image_size: 28 },
  },
  'LLaVA-OneVision, llava-hf': {
    'config.json': {
      architectures: ['LlavaOnevisionForConditionalGeneration'],
      model_type: 'llava_onevision',
      ...llava,
      text_config: { model_type: 'qwen2', ...decoder },
      tie_word_embeddings: true,
      vision_config: { ...tower, image_size: 28 },
      vision_feature_layer: -1,
      vision_feature_select_strategy: 'full',
    },
  },
  'LLaVA-NeXT-Video': {
    'config.json': {
      architectures: ['LlavaNextVideoForConditionalGeneration'],
      model_type: 'llava_next_video',
      ...llava,
      spatial_pool_mode: 'average',
      spatial_pool_stride: 2,
      text_config: {
        model_type: 'llama',
        ...decoder,
        num_key_value_heads: 4,
        rope_scaling: { factor: 2.5, type: 'linear' },
      },
      vision_config: { ...tower, image_size: 28 },
      vision_feature_layer: -2,
      vision_feature_select_strategy: 'default',
    },
    // The bundled tokenizer has ChatML's tokens, which this family does not use.
    'chat_template.json': publishedConfigs()['llava-hf/LLaVA-NeXT-Video-7B-hf']!['chat_template.json']!,
  },
  'InternVL2.5': {
    'config.json': {
      architectures: ['InternVLChatModel'],
      downsample_ratio: 0.5,
      force_image_size: 32,
      llm_config: {
        model_type: 'internlm2',
        bias: false,
        ...decoder,
        max_position_embeddings: 32768,
        rope_scaling: { factor: 2, type: 'dynamic' },
      },
      ps_version: 'v2',
      select_layer: -1,
      template: 'internvl2_5',
      vision_config: { ...tower, image_size: 32, hidden_act: 'gelu', qkv_bias: true, qk_normalization: false },
    },
  },
  InternVL3: {
    'config.json': {
      architectures: ['InternVLChatModel'],
      downsample_ratio: 0.5,
      force_image_size: 32,
      llm_config: {
        model_type: 'qwen2',
        ...decoder,
        max_position_embeddings: 32768,
        rope_scaling: { factor: 2, rope_type: 'dynamic', type: 'dynamic' },
        use_sliding_window: false,
      },
      ps_version: 'v2',
      select_layer: -1,
      template: 'internvl2_5',
      vision_config: {
        use_moe: false,
        num_experts: 8,
        moe_output_scale: 4,
        ...tower,
        image_size: 32,
        hidden_act: 'gelu',
        qkv_bias: true,
        qk_normalization: false,
      },
    },
  },
  'InternVL3.5': {
    'config.json': {
      architectures: ['InternVLChatModel'],
      downsample_ratio: 0.5,
      force_image_size: 32,
      llm_config: { model_type: 'qwen3', ...decoder, head_dim: 24, attention_bias: false },
      ps_version: 'v2',
      select_layer: -1,
      template: 'internvl2_5',
      vision_config: { ...tower, image_size: 32, hidden_act: 'gelu', qkv_bias: true, qk_normalization: false },
    },
  },
  'InternVL3, hf': {
    'config.json': {
      architectures: ['InternVLForConditionalGeneration'],
      downsample_ratio: 0.5,
      image_token_id: 303,
      projector_hidden_act: 'gelu',
      text_config: { model_type: 'qwen2', ...decoder },
      vision_config: {
        ...tower,
        image_size: [32, 32],
        patch_size: [4, 4],
        attention_bias: true,
        hidden_act: 'gelu',
        norm_type: 'layer_norm',
        use_absolute_position_embeddings: true,
        use_mean_pooling: true,
        use_qk_norm: false,
      },
      vision_feature_layer: -1,
      vision_feature_select_strategy: 'default',
    },
  },
  SmolVLM2: {
    'config.json': {
      architectures: ['SmolVLMForConditionalGeneration'],
      image_token_id: 303,
      scale_factor: 4,
      text_config: {
        model_type: 'llama',
        ...decoder,
        hidden_size: 64,
        num_attention_heads: undefined,
        num_key_value_heads: undefined,
        pixel_shuffle_factor: 4,
        qk_layer_norms: false,
      },
      tie_word_embeddings: false,
      vision_config: { ...tower, num_attention_heads: undefined, image_size: 32 },
    },
    'preprocessor_config.json': { size: { longest_edge: 64 }, max_image_size: { longest_edge: 32 } },
  },
  'MiniCPM-V 2.6': {
    'config.json': {
      architectures: ['MiniCPMV'],
      version: 2.6,
      model_type: 'minicpmv',
      ...decoder,
      hidden_size: 128,
      batch_vision_input: true,
      drop_vision_last_layer: false,
      image_size: 28,
      query_num: 6,
      slice_config: { max_slice_nums: 9, patch_size: 4, model_type: 'minicpmv' },
      slice_mode: true,
      vision_config: { model_type: 'siglip', ...tower, image_size: 48 },
    },
  },
  NVILA: {
    'config.json': {
      architectures: ['LlavaLlamaModel'],
      model_type: 'llava_llama',
      mm_vision_select_layer: -2,
      mm_vision_select_feature: 'cls_patch',
      dynamic_s2: false,
      s2: false,
      video_encoder: { _target_: 'llava.model.encoders.TSPVideoEncoder', pool_sizes: [[2, 1, 1]] },
    },
    'llm/config.json': { model_type: 'qwen2', ...decoder },
    'vision_tower/config.json': { ...tower, image_size: 28 },
    'mm_projector/config.json': { mm_projector_type: 'mlp_downsample_2x2_fix' },
  },
  'NVILA Lite': {
    'config.json': {
      architectures: ['LlavaLlamaModel'],
      model_type: 'llava_llama',
      video_encoder: { _target_: 'llava.model.encoders.BasicVideoEncoder' },
    },
    'llm/config.json': { model_type: 'qwen2', ...decoder },
    'vision_tower/config.json': { ...tower, image_size: 40 },
    'mm_projector/config.json': { mm_projector_type: 'mlp_downsample_3x3_fix' },
  },
  'Qwen2-VL': {
    'config.json': {
      architectures: ['Qwen2VLForConditionalGeneration'],
      model_type: 'qwen2_vl',
      ...decoder,
      tie_word_embeddings: true,
      rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] },
      vision_config: {
        depth: 3,
        embed_dim: 32,
        mlp_ratio: 4,
        num_heads: 2,
        in_chans: 3,
        hidden_size: 64,
        patch_size: 4,
        spatial_merge_size: 2,
        temporal_patch_size: 2,
      },
    },
    'preprocessor_config.json': { min_pixels: 256, max_pixels: 2560 },
  },
  'Qwen2.5-VL': {
    'config.json': {
      architectures: ['Qwen2_5_VLForConditionalGeneration'],
      model_type: 'qwen2_5_vl',
      ...decoder,
      tie_word_embeddings: true,
      rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] },
      sliding_window: 32768,
      use_sliding_window: false,
      vision_config: {
        depth: 3,
        hidden_act: 'silu',
        hidden_size: 32,
        intermediate_size: 52,
        num_heads: 2,
        in_chans: 3,
        out_hidden_size: 64,
        patch_size: 4,
        spatial_merge_size: 2,
        window_size: 16,
        fullatt_block_indexes: [1],
        tokens_per_second: 2,
        temporal_patch_size: 2,
      },
    },
    'preprocessor_config.json': { min_pixels: 256, max_pixels: 2560 },
  },
  'Qwen3-VL': {
    'config.json': {
      architectures: ['Qwen3VLForConditionalGeneration'],
      model_type: 'qwen3_vl',
      text_config: {
        model_type: 'qwen3_vl_text',
        ...decoder,
        attention_bias: false,
        head_dim: 24,
        rope_theta: 5e6,
        rope_scaling: { mrope_interleaved: true, mrope_section: [4, 4, 4], rope_type: 'default' },
      },
      tie_word_embeddings: true,
      vision_config: {
        deepstack_visual_indexes: [0, 2],
        depth: 3,
        hidden_act: 'gelu_pytorch_tanh',
        hidden_size: 32,
        in_channels: 3,
        intermediate_size: 52,
        num_heads: 2,
        num_position_embeddings: 36,
        out_hidden_size: 64,
        patch_size: 4,
        spatial_merge_size: 2,
        temporal_patch_size: 2,
      },
    },
    'preprocessor_config.json': { size: { shortest_edge: 256, longest_edge: 2560 } },
    'video_preprocessor_config.json': { size: { shortest_edge: 256, longest_edge: 15360 } },
  },
};

/** A family's configs with keys of config.json changed; `a.b` is a key inside `a`, `undefined` takes one away. */
export function changed(configs: Configs, changes: Readonly<Record<string, unknown>>): Configs {
  const config = structuredClone(configs['config.json'] ?? {}) as Record<string, unknown>;
  for (const [path, value] of Object.entries(changes)) {
    const [outer = '', inner] = path.split('.');
    if (inner === undefined) config[outer] = value;
    else config[outer] = { ...(config[outer] as object), [inner]: value };
  }
  return { ...configs, 'config.json': config };
}
