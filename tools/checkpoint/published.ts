/** Configs of published checkpoints: the keys that decide anything, at the sizes of the models' own pages. */

import { modelConfig } from './config.ts';
import { PRESETS, type PresetName } from './shapes.ts';

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

function qwen25Vl(text: object, hidden: number, inner = 3420): Configs {
  return {
    'config.json': {
      architectures: ['Qwen2_5_VLForConditionalGeneration'],
      ...qwen2,
      model_type: 'qwen2_5_vl',
      ...text,
      rope_scaling: { type: 'mrope', mrope_section: [16, 24, 24] },
      vision_config: {
        depth: 32,
        hidden_act: 'silu',
        hidden_size: 1280,
        intermediate_size: inner,
        num_heads: 16,
        in_chans: 3,
        out_hidden_size: hidden,
        patch_size: 14,
        spatial_merge_size: 2,
        window_size: 112,
        fullatt_block_indexes: [7, 15, 23, 31],
        tokens_per_second: 2,
        temporal_patch_size: 2,
      },
    },
    'preprocessor_config.json': { min_pixels: 3136, max_pixels: 12845056 },
  };
}

/** @param tower - Layers, width and inner width of the tower; every quarter or third of it is a plane. */
function qwen3Vl(
  text: { readonly hidden_size: number },
  tied: boolean,
  [depth, hidden, inner]: readonly [number, number, number],
): Configs {
  return {
    'config.json': {
      architectures: ['Qwen3VLForConditionalGeneration'],
      model_type: 'qwen3_vl',
      text_config: {
        ...text,
        model_type: 'qwen3_vl_text',
        attention_bias: false,
        head_dim: 128,
        rms_norm_eps: 1e-6,
        rope_theta: 5e6,
        rope_scaling: { mrope_interleaved: true, mrope_section: [24, 20, 20], rope_type: 'default' },
      },
      tie_word_embeddings: tied,
      vision_config: {
        deepstack_visual_indexes: depth === 24 ? [5, 11, 17] : [8, 16, 24],
        depth,
        hidden_act: 'gelu_pytorch_tanh',
        hidden_size: hidden,
        in_channels: 3,
        intermediate_size: inner,
        num_heads: 16,
        num_position_embeddings: 2304,
        out_hidden_size: text.hidden_size,
        patch_size: 16,
        spatial_merge_size: 2,
        temporal_patch_size: 2,
      },
    },
    'preprocessor_config.json': { size: { shortest_edge: 65536, longest_edge: 16777216 } },
    'video_preprocessor_config.json': { size: { shortest_edge: 4096, longest_edge: 25165824 } },
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

/** InternVL 2.5, 3 and 3.5 in their own layout; `hf` for Hugging Face's class. */
function internVl(text: object): Configs {
  return {
    'config.json': {
      architectures: ['InternVLChatModel'],
      force_image_size: 448,
      llm_config: text,
      vision_config: tower(1024, 4096, 24, 448),
    },
  };
}

function internVlHf(text: object): Configs {
  const vision = { ...tower(1024, 4096, 24, 448), image_size: [448, 448], patch_size: [14, 14] };
  return {
    'config.json': {
      architectures: ['InternVLForConditionalGeneration'],
      text_config: text,
      vision_config: vision,
    },
  };
}

const dynamic = { rope_scaling: { rope_type: 'dynamic', factor: 2 }, max_position_embeddings: 32768 };
const qwen25 = (scaled: boolean, ...of: Parameters<typeof sizes>) => ({
  ...qwen2,
  ...sizes(...of),
  ...(scaled && dynamic),
});
const qwen3 = (...of: Parameters<typeof sizes>) => ({ ...qwen2, model_type: 'qwen3', ...sizes(...of), head_dim: 128 });

const internVl3 = {
  '1B': qwen25(true, 896, 4864, 24, 14, 2, 151674),
  '2B': qwen25(true, 1536, 8960, 28, 12, 2, 151674),
  '8B': qwen25(true, 3584, 18944, 28, 28, 4, 151674),
};
const internVl35 = {
  '1B': qwen3(1024, 3072, 28, 16, 8, 151936),
  '2B': qwen3(2048, 6144, 28, 16, 8, 151936),
  '4B': qwen3(2560, 9728, 36, 32, 8, 151936),
  '8B': qwen3(4096, 12288, 36, 32, 8, 151936),
};

function smolVlm(text: object, vision: object, fold: number): Configs {
  return {
    'config.json': {
      architectures: ['SmolVLMForConditionalGeneration'],
      scale_factor: fold,
      text_config: { model_type: 'llama', rms_norm_eps: 1e-5, rope_theta: 1e5, vocab_size: 49280, ...text },
      tie_word_embeddings: false,
      vision_config: vision,
    },
  };
}

/** 256M and 500M share their tower; of both configs, what the class has as defaults is left out as published. */
const smallTower = {
  hidden_size: 768,
  image_size: 512,
  intermediate_size: 3072,
  num_attention_heads: 12,
  patch_size: 16,
};
const largeTower = { image_size: 384, intermediate_size: 4304, num_hidden_layers: 27, patch_size: 14 };

const named = (
  prefix: string,
  suffix: string,
  configs: (text: object) => Configs,
  of: Readonly<Record<string, object>>,
) =>
  Object.fromEntries(Object.entries(of).map(([size, text]) => [`OpenGVLab/${prefix}-${size}${suffix}`, configs(text)]));

/** LLaVA-NeXT-Video's, which a checkpoint must bring whose tokenizer has ChatML's tokens, as the bundled one has. */
export const vicunaTemplate = {
  chat_template:
    "{% for m in messages %}{{ m['role'] | upper }}: {% for c in m['content'] %}{% if c['type'] == 'video' %}<video>\n" +
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %} {% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}",
};

/** LLaVA-Video, and OneVision as lmms-lab names its tensors. */
function llavaVideo(preset: PresetName, newline: 'grid' | 'one_token'): Configs {
  const config = modelConfig(PRESETS[preset], { dtype: 'bf16', newline, eosTokenId: 151645 });
  return { 'config.json': config as Configs[string] };
}

const nextVideo: Configs = {
  'config.json': {
    architectures: ['LlavaNextVideoForConditionalGeneration'],
    text_config: { model_type: 'llama', vocab_size: 32064, rms_norm_eps: 1e-5 },
    vision_config: tower(1024, 4096, 24, 336),
    vision_feature_layer: -2,
    vision_feature_select_strategy: 'default',
  },
  'chat_template.json': vicunaTemplate,
};

/** By their names on Hugging Face. */
export const published: Readonly<Record<string, Configs>> = {
  'lmms-lab/LLaVA-Video-7B-Qwen2': llavaVideo('llava-video-7b', 'grid'),
  'lmms-lab/llava-onevision-qwen2-0.5b-ov': llavaVideo('llava-onevision-qwen2-0.5b', 'one_token'),
  'lmms-lab/llava-onevision-qwen2-7b-ov': llavaVideo('llava-video-7b', 'one_token'),
  'llava-hf/llava-onevision-qwen2-0.5b-ov-hf': onevision(sizes(896, 4864, 24, 14, 2, 152000), true),
  'llava-hf/llava-onevision-qwen2-7b-ov-hf': onevision(sizes(3584, 18944, 28, 28, 4, 152128), false),
  'llava-hf/LLaVA-NeXT-Video-7B-hf': nextVideo,
  'llava-hf/LLaVA-NeXT-Video-7B-DPO-hf': nextVideo,
  'OpenGVLab/InternVL2_5-8B': internVl({
    model_type: 'internlm2',
    ...sizes(4096, 14336, 32, 32, 8, 92553),
    rms_norm_eps: 1e-5,
    rope_theta: 1e6,
    rope_scaling: { type: 'dynamic', factor: 2 },
    max_position_embeddings: 32768,
  }),
  'OpenGVLab/InternVL2_5-1B': internVl(qwen25(false, 896, 4864, 24, 14, 2, 151674)),
  'OpenGVLab/InternVL2_5-4B': internVl(qwen25(false, 2048, 11008, 36, 16, 2, 151674)),
  ...named('InternVL3', '', internVl, internVl3),
  ...named('InternVL3', '-hf', internVlHf, internVl3),
  ...named('InternVL3_5', '', internVl, internVl35),
  ...named('InternVL3_5', '-HF', internVlHf, internVl35),
  'HuggingFaceTB/SmolVLM2-256M-Video-Instruct': smolVlm(
    { ...sizes(576, 1536, 30, 9, 3, 49280), head_dim: 64 },
    smallTower,
    4,
  ),
  'HuggingFaceTB/SmolVLM2-500M-Video-Instruct': smolVlm(
    { ...sizes(960, 2560, 32, 15, 5, 49280), head_dim: 64 },
    smallTower,
    4,
  ),
  'HuggingFaceTB/SmolVLM2-2.2B-Instruct': smolVlm(
    { hidden_size: 2048, intermediate_size: 8192, num_hidden_layers: 24, head_dim: 64, rope_theta: 130000 },
    largeTower,
    3,
  ),
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
  'Qwen/Qwen2.5-VL-3B-Instruct': qwen25Vl(
    { ...sizes(2048, 11008, 36, 16, 2, 151936), tie_word_embeddings: true },
    2048,
  ),
  'Qwen/Qwen2.5-VL-7B-Instruct': qwen25Vl(sizes(3584, 18944, 28, 28, 4, 152064), 3584),
  'Qwen/Qwen2.5-VL-72B-Instruct': qwen25Vl(sizes(8192, 29568, 80, 64, 8, 152064), 8192, 3456),
  'Qwen/Qwen3-VL-2B-Instruct': qwen3Vl(sizes(2048, 6144, 28, 16, 8, 151936), true, [24, 1024, 4096]),
  'Qwen/Qwen3-VL-4B-Instruct': qwen3Vl(sizes(2560, 9728, 36, 32, 8, 151936), true, [24, 1024, 4096]),
  'Qwen/Qwen3-VL-8B-Instruct': qwen3Vl(sizes(4096, 12288, 36, 32, 8, 151936), false, [27, 1152, 4304]),
  'Qwen/Qwen3-VL-32B-Instruct': qwen3Vl(sizes(5120, 25600, 64, 64, 8, 151936), false, [27, 1152, 4304]),
  'Efficient-Large-Model/NVILA-Lite-2B': nvila(
    { ...sizes(1536, 8960, 28, 12, 2, 151651), tie_word_embeddings: true },
    'mlp_downsample_3x3_fix',
    1,
  ),
  'Efficient-Large-Model/NVILA-8B-Video': nvila(sizes(3584, 18944, 28, 28, 4, 151651), 'mlp_downsample_2x2_fix', 8),
  'Efficient-Large-Model/NVILA-Lite-15B-Video': nvila(
    sizes(5120, 13824, 48, 40, 8, 151651),
    'mlp_downsample_3x3_fix',
    8,
  ),
};
