import { VIDEO_LEAD } from '../chat.ts';
import type { ConfigReader } from '../config.ts';
import { LLAMA_DEFAULTS, llamaConfig, textConfig } from '../decoder/config.ts';
import { llamaNames } from '../decoder/names.ts';
import type { Family, ModelSpec } from '../family.ts';
import { NESTED_NAMES, NEW_TOWER_NAMES } from '../files.ts';
import { hfProjector, LlavaEncoder, type LlavaEncoderConfig, type LlavaEncoderNames } from '../llava-encoder.ts';
import { centred } from '../pictures.ts';
import { clipPixels } from '../preprocess.ts';
import { type Sample, strided } from '../sampling.ts';
import { clipConfig, withoutLast } from '../tower/config.ts';
import { clipNames, unusedTowerTensors } from '../tower/names.ts';

/** Vicuna's conversation as Hugging Face's LLaVA-NeXT-Video page has it: no system line. */
const VICUNA =
  "{% for message in messages %}USER: {{ message['content'] }} {% endfor %}" +
  '{% if add_generation_prompt %}ASSISTANT:{% endif %}';

const names: LlavaEncoderNames = {
  tower: clipNames('vision_tower.vision_model'),
  projector: hfProjector,
  newline: 'image_newline',
};

/**
 * LLaVA-NeXT-Video (Zhang et al. 2024; Hugging Face `modeling_llava_next_video.py`): CLIP tower, tokens pooled before the
 * projector, Vicuna decoder.
 */
export const llavaNextVideo: Family = {
  architectures: ['LlavaNextVideoForConditionalGeneration'],
  spec: (config): ModelSpec => {
    const text = textConfig(config, LLAMA_DEFAULTS);
    text.oneOf('model_type', ['llama'], 'llama');
    const decoder = llamaConfig(text);
    const vision = encoderConfig(config, decoder.hiddenSize);
    const size = vision.tower.imageSize;
    return {
      decoder,
      decoderNames: llamaNames('language_model.'),
      otherNames: [...NESTED_NAMES, ...NEW_TOWER_NAMES],
      frameFormat: { size, pictures: centred(size), forceSample: true, sample: startFrames },
      pixels: clipPixels,
      prompt: {
        template: VICUNA,
        begin: '<s>',
        // The 34B model speaks ChatML.
        notWith: '<|im_start|>',
        ownTemplate: { video: '<video>' },
        penalisesPrompt: true,
        marks: 'video',
        lead: () => VIDEO_LEAD,
        stopTokens: ['</s>'],
      },
      stopIds: text.numbers('eos_token_id'),
      // The newline is for pictures.
      unusedTensors: [...unusedTowerTensors(names.tower, vision.tower.layers), /^image_newline$/],
      loadEncoder: (loader, computeDtype) => LlavaEncoder.load(loader, vision, names, computeDtype),
    };
  },
};

/** `numpy.arange(0, frames, frames / count)` of Hugging Face's example: where each of equal stretches starts. */
export const startFrames: Sample = (video) => {
  const { frames, maxFrames } = video;
  return strided(video) ?? Array.from({ length: maxFrames }, (_, i) => Math.floor((i * frames) / maxFrames));
};

function encoderConfig(config: ConfigReader, outSize: number): LlavaEncoderConfig {
  const tower = clipConfig(config.part('vision_config'));
  config.oneOf('vision_feature_layer', [-2], -2);
  config.oneOf('vision_feature_select_strategy', ['default'], 'default');
  config.oneOf('projector_hidden_act', ['gelu'], 'gelu');
  config.oneOf('spatial_pool_stride', [2], 2);
  return {
    tower: withoutLast(tower, 1),
    outSize,
    poolMode: config.oneOf('spatial_pool_mode', ['average', 'max'], 'average'),
    poolFirst: true,
    newlines: 'none',
    finalNewline: false,
  };
}
