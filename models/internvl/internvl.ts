import { roundHalfEven } from '../../engine/round.ts';
import { chatMl, VIDEO_MARK } from '../chat.ts';
import type { ConfigReader } from '../config.ts';
import { internLm2Config } from '../decoder/config.ts';
import { internLm2Names } from '../decoder/names.ts';
import type { Family, FamilyPlan, SpokenVideo } from '../family.ts';
import { FoldEncoder } from '../fold-encoder.ts';
import { imagenetPixels } from '../preprocess.ts';
import { type Sample, strided } from '../sampling.ts';
import { gridOf, internVitConfig, type TowerConfig } from '../tower/config.ts';
import { internVitNames } from '../tower/names.ts';
import { tilesOf } from './tiles.ts';

/** InternVL's conversation `internvl2_5` (conversation.py), with its system line. */
const INTERNVL2_5 = `<s>${chatMl(
  '书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。',
)}`;

/** InternVL 2.5 (Chen et al. 2024) with InternLM2: InternViT, pixel shuffle, and a name before each frame. */
export const internVl: Family = {
  architectures: ['InternVLChatModel'],
  plan: (config): FamilyPlan => {
    const text = config.part('llm_config');
    text.oneOf('model_type', ['internlm2'], 'internlm2');
    const decoder = internLm2Config(text);
    const tower = towerConfig(config);
    const most = config.size('max_dynamic_patch', 12);
    return {
      decoder,
      decoderNames: internLm2Names('language_model.'),
      frameFormat: { size: tower.imageSize, forceSample: true, sample: middleFrames },
      pixels: imagenetPixels,
      prompt: {
        template: INTERNVL2_5,
        ownTemplate: false,
        marks: 'group',
        lead: frameNames,
        stopTokens: ['<|im_end|>'],
      },
      pictures: {
        crops: (source) => tilesOf(source, tower.imageSize, most),
        lead: pictureNames,
        tokens: 'frames',
      },
      stopIds: text.numbers('eos_token_id'),
      ignorable: [/\.inv_freq$/],
      loadEncoder: (loader, act, loaded) => FoldEncoder.load(loader, encoderOf(tower, decoder.hiddenSize), act, loaded),
    };
  },
};

/** InternVL's get_index: the middle frame of each of equal stretches. */
export const middleFrames: Sample = (video) => {
  const step = (video.frames - 1) / video.maxFrames;
  return (
    strided(video) ?? Array.from({ length: video.maxFrames }, (_, i) => Math.floor(step / 2 + roundHalfEven(step * i)))
  );
};

/** InternVL's demo: each frame has a name and stands between its own two tokens. */
function frameNames({ groups }: SpokenVideo): string {
  return Array.from({ length: groups }, (_, i) => `Frame${i + 1}: <img>${VIDEO_MARK}</img>\n`).join('');
}

/** One picture needs no name. */
function pictureNames({ length }: readonly unknown[]): string {
  const shown = `<img>${VIDEO_MARK}</img>\n`;
  return length === 1 ? shown : Array.from({ length }, (_, i) => `Image-${i + 1}: ${shown}`).join('');
}

function towerConfig(config: ConfigReader): TowerConfig {
  config.oneOf('select_layer', [-1], -1);
  config.oneOf('downsample_ratio', [0.5], 0.5);
  config.oneOf('ps_version', ['v2'], 'v2');
  config.oneOf('template', ['internvl2_5'], 'internvl2_5');
  const tower = internVitConfig(config.part('vision_config'));
  if (config.size('force_image_size', tower.imageSize) !== tower.imageSize)
    throw config.wrong('force_image_size', `the vision tower's image_size, ${tower.imageSize}`);
  if (gridOf(tower) % 2 !== 0) throw config.wrong('force_image_size', 'an even number of patches along a side');
  return tower;
}

function encoderOf(tower: TowerConfig, outputs: number) {
  return {
    tower,
    names: internVitNames('vision_model'),
    fold: 2,
    framesPerGroup: 1,
    projector: [{ norm: 'mlp1.0' }, { linear: 'mlp1.1', outputs }, 'gelu', { linear: 'mlp1.3', outputs }] as const,
  };
}
