/** Configs of published checkpoints: the keys that decide anything, at the sizes of the models' own pages. */

/** JSON files of a checkpoint, by name. */
export type Configs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const qwen2 = { model_type: 'qwen2', rms_norm_eps: 1e-6, rope_theta: 1e6 };
const sizes = (hidden: number, inner: number, layers: number, heads: number, kvHeads: number, vocabulary: number) => ({
  hidden_size: hidden,
  intermediate_size: inner,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: kvHeads,
  vocab_size: vocabulary,
});
const tower = (hidden: number, inner: number, layers: number, image: number) => ({
  hidden_size: hidden,
  intermediate_size: inner,
  num_hidden_layers: layers,
  num_attention_heads: 16,
  image_size: image,
  patch_size: 14,
});

function onevision(text: object, tied: boolean): Configs {
  return {
    'config.json': {
      architectures: ['LlavaOnevisionForConditionalGeneration'],
      text_config: { ...qwen2, ...text, tie_word_embeddings: tied },
      vision_config: tower(1152, 4304, 26, 384),
      vision_feature_layer: -1,
      vision_feature_select_strategy: 'full',
    },
  };
}

function qwen2Vl(text: object, hidden: number): Configs {
  return {
    'config.json': {
      architectures: ['Qwen2VLForConditionalGeneration'],
      ...qwen2,
      model_type: 'qwen2_vl',
      ...text,
      rope_scaling: { type: 'mrope', mrope_section: [16, 24, 24] },
      vision_config: {
        depth: 32,
        embed_dim: 1280,
        mlp_ratio: 4,
        num_heads: 16,
        in_chans: 3,
        hidden_size: hidden,
        patch_size: 14,
        spatial_merge_size: 2,
        temporal_patch_size: 2,
      },
    },
    'preprocessor_config.json': { min_pixels: 3136, max_pixels: 12845056 },
  };
}

function nvila(text: object, projector: string, frames: number): Configs {
  return {
    'config.json': {
      architectures: ['LlavaLlamaModel'],
      ...(frames > 1 && {
        video_encoder: { _target_: 'llava.model.encoders.TSPVideoEncoder', pool_sizes: [[frames, 1, 1]] },
      }),
    },
    'llm/config.json': { ...qwen2, ...text },
    'vision_tower/config.json': tower(1152, 4304, 27, 448),
    'mm_projector/config.json': { mm_projector_type: projector },
  };
}

/** By their names on Hugging Face. */
export const published: Readonly<Record<string, Configs>> = {
  'llava-hf/llava-onevision-qwen2-0.5b-ov-hf': onevision(sizes(896, 4864, 24, 14, 2, 152000), true),
  'llava-hf/llava-onevision-qwen2-7b-ov-hf': onevision(sizes(3584, 18944, 28, 28, 4, 152128), false),
  'llava-hf/LLaVA-NeXT-Video-7B-hf': {
    'config.json': {
      architectures: ['LlavaNextVideoForConditionalGeneration'],
      text_config: { model_type: 'llama', vocab_size: 32064, rms_norm_eps: 1e-5 },
      vision_config: tower(1024, 4096, 24, 336),
      vision_feature_layer: -2,
      vision_feature_select_strategy: 'default',
    },
  },
  'OpenGVLab/InternVL2_5-8B': {
    'config.json': {
      architectures: ['InternVLChatModel'],
      force_image_size: 448,
      llm_config: {
        model_type: 'internlm2',
        ...sizes(4096, 14336, 32, 32, 8, 92553),
        rms_norm_eps: 1e-5,
        rope_theta: 1e6,
        rope_scaling: { type: 'dynamic', factor: 2 },
        max_position_embeddings: 32768,
      },
      vision_config: tower(1024, 4096, 24, 448),
    },
  },
  'openbmb/MiniCPM-V-2_6': {
    'config.json': {
      architectures: ['MiniCPMV'],
      version: 2.6,
      ...qwen2,
      ...sizes(3584, 18944, 28, 28, 4, 151666),
      image_size: 448,
      query_num: 64,
      slice_config: { max_slice_nums: 9, patch_size: 14 },
      vision_config: tower(1152, 4304, 27, 980),
    },
  },
  'Qwen/Qwen2-VL-2B-Instruct': qwen2Vl({ ...sizes(1536, 8960, 28, 12, 2, 151936), tie_word_embeddings: true }, 1536),
  'Qwen/Qwen2-VL-7B-Instruct': qwen2Vl(sizes(3584, 18944, 28, 28, 4, 152064), 3584),
  'Efficient-Large-Model/NVILA-Lite-2B': nvila(
    { ...sizes(1536, 8960, 28, 12, 2, 151651), tie_word_embeddings: true },
    'mlp_downsample_3x3_fix',
    1,
  ),
  'Efficient-Large-Model/NVILA-8B-Video': nvila(sizes(3584, 18944, 28, 28, 4, 151651), 'mlp_downsample_2x2_fix', 8),
};
