import { VIDEO_LEAD } from '../chat.ts';
import type { ConfigReader } from '../config.ts';
import { qwen2Config, textConfig } from '../decoder/config.ts';
import { llamaNames } from '../decoder/names.ts';
import type { Family, ModelSpec } from '../family.ts';
import { NESTED_NAMES, NEW_TOWER_NAMES } from '../files.ts';
import { hfProjector, LlavaEncoder, type LlavaEncoderConfig, type LlavaEncoderNames } from '../llava-encoder.ts';
import { siglipPixels } from '../preprocess.ts';
import { siglipConfig, withoutLast } from '../tower/config.ts';
import { siglipNames, unusedTowerTensors } from '../tower/names.ts';

const names: LlavaEncoderNames = {
  tower: siglipNames('vision_tower.vision_model'),
  projector: hfProjector,
  newline: 'image_newline',
};

/** Its conversation as llava-hf publishes it: no system line, and no line breaks around what is said. */
const ONE_VISION =
  "{% for message in messages %}<|im_start|>{{ message['role'] }} {{ message['content'] }}<|im_end|>{% endfor %}" +
  '{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}';

/**
 * LLaVA-OneVision (Li et al. 2024) as llava-hf publishes it (Hugging Face `modeling_llava_onevision.py`): the same model
 * as lmms-lab's, which `llavaVideo` loads, under other names.
 */
export const llavaOnevision: Family = {
  architectures: ['LlavaOnevisionForConditionalGeneration'],
  spec: (config): ModelSpec => {
    const text = textConfig(config);
    const decoder = qwen2Config(text);
    const vision = encoderConfig(config, decoder.hiddenSize);
    return {
      decoder,
      decoderNames: llamaNames('language_model.'),
      otherNames: [...NESTED_NAMES, ...NEW_TOWER_NAMES],
      frameFormat: { size: vision.tower.imageSize, forceSample: true },
      pixels: siglipPixels,
      prompt: {
        template: ONE_VISION,
        ownTemplate: { video: '<video>' },
        penalisesPrompt: true,
        marks: 'video',
        lead: () => VIDEO_LEAD,
        stopTokens: ['<|im_end|>'],
      },
      stopIds: text.numbers('eos_token_id'),
      unusedTensors: unusedTowerTensors(names.tower, vision.tower.layers),
      loadEncoder: (loader, computeDtype) => LlavaEncoder.load(loader, vision, names, computeDtype),
    };
  },
};

/** The files hold, and their configs count, the layers that run: -1 is the last of them. */
function encoderConfig(config: ConfigReader, outSize: number): LlavaEncoderConfig {
  const tower = siglipConfig(config.part('vision_config'));
  const layer = config.oneOf('vision_feature_layer', [-1, -2], -1);
  config.oneOf('vision_feature_select_strategy', ['full'], 'full');
  config.oneOf('projector_hidden_act', ['gelu'], 'gelu');
  return {
    tower: withoutLast(tower, -1 - layer),
    outSize,
    poolMode: 'bilinear',
    poolFirst: false,
    newlines: 'none',
    finalNewline: true,
  };
}
