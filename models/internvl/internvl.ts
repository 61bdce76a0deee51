import { roundHalfEven } from '../../engine/round.ts';
import { chatMl, VIDEO_MARK } from '../chat.ts';
import type { ConfigReader } from '../config.ts';
import { type DecoderConfig, internLm2Config, qwen2Config, qwen3Config } from '../decoder/config.ts';
import { type DecoderNames, internLm2Names, llamaNames, qwen3Names } from '../decoder/names.ts';
import type { Family, ModelSpec, NameChange, PictureForm, SpokenVideo } from '../family.ts';
import { NESTED_NAMES } from '../files.ts';
import { MergeEncoder } from '../merge-encoder.ts';
import { imagenetPixels } from '../preprocess.ts';
import type { ProjectorStep } from '../projector.ts';
import { type Sample, strided } from '../sampling.ts';
import { gridOf, internVitConfig, type TowerConfig } from '../tower/config.ts';
import { internVitHfNames, internVitNames, type TowerNames } from '../tower/names.ts';
import { tilesOf } from './tiles.ts';

/** Patches along a side that become one token: `downsample_ratio` 0.5. */
const MERGE_SIZE = 2;

/** Tiles of a picture where a config does not say. */
const TILES = 12;

const SYSTEM =
  '你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。';

/** InternVL's conversation `internvl2_5` (conversation.py), with its system line. */
const INTERNVL2_5 = chatMl(SYSTEM);

/** Hugging Face's chat_template.json says nothing by itself. */
const HF = chatMl();

/** The language models that InternVL is published with, by `model_type`; `begin` is said before all else. */
const languageModels = {
  internlm2: { config: internLm2Config, names: internLm2Names, begin: '<s>' },
  qwen2: { config: qwen2Config, names: llamaNames, begin: '' },
  qwen3: { config: qwen3Config, names: qwen3Names, begin: '' },
} as const;

/** What the two layouts of a checkpoint say of the same model. */
interface Layout {
  readonly text: ConfigReader;
  readonly tower: TowerConfig;
  readonly names: TowerNames;
  /** Of the projector's norm and its two linear layers. */
  readonly projector: readonly [norm: string, inner: string, outer: string];
  readonly otherNames?: readonly NameChange[];
  readonly template: string;
  readonly mostTiles: number;
  readonly lead: PictureForm['lead'];
}

/**
 * InternVL 2.5 (Chen et al. 2024), 3 (Zhu et al. 2025) and 3.5 (Wang et al. 2025) as OpenGVLab publishes them: InternViT,
 * pixel shuffle, and a name before each frame.
 */
export const internVl: Family = {
  architectures: ['InternVLChatModel'],
  spec: (config) => {
    config.oneOf('select_layer', [-1], -1);
    config.oneOf('downsample_ratio', [1 / MERGE_SIZE], 1 / MERGE_SIZE);
    config.oneOf('ps_version', ['v2'], 'v2');
    config.oneOf('template', ['internvl2_5'], 'internvl2_5');
    const tower = internVitConfig(config.part('vision_config'));
    if (config.side('force_image_size', tower.imageSize) !== tower.imageSize)
      throw config.wrong('force_image_size', `the vision tower's image_size, ${tower.imageSize}`);
    checkGrid(tower, config, 'force_image_size');
    return specOf({
      text: config.part('llm_config'),
      tower,
      names: internVitNames('vision_model'),
      projector: ['mlp1.0', 'mlp1.1', 'mlp1.3'],
      template: INTERNVL2_5,
      mostTiles: config.size('max_dynamic_patch', TILES),
      lead: pictureNames,
    });
  },
};

/** The same models for Hugging Face's own class (`modeling_internvl.py`): `OpenGVLab/InternVL3-1B-hf` and the like. */
export const internVlHf: Family = {
  architectures: ['InternVLForConditionalGeneration'],
  spec: (config) => {
    config.oneOf('vision_feature_layer', [-1], -1);
    config.oneOf('vision_feature_select_strategy', ['default'], 'default');
    config.oneOf('downsample_ratio', [1 / MERGE_SIZE], 1 / MERGE_SIZE);
    config.oneOf('projector_hidden_act', ['gelu'], 'gelu');
    const vision = config.part('vision_config');
    const tower = internVitConfig(vision);
    checkGrid(tower, vision, 'image_size');
    const names = 'multi_modal_projector';
    return specOf({
      text: config.part('text_config'),
      tower,
      names: internVitHfNames('vision_tower'),
      otherNames: NESTED_NAMES,
      projector: [`${names}.layer_norm`, `${names}.linear_1`, `${names}.linear_2`],
      template: HF,
      mostTiles: TILES,
      lead: (pictures) => `<img>${VIDEO_MARK}</img>\n`.repeat(pictures.length),
    });
  },
};

function specOf({ text, tower, names, projector, otherNames, template, mostTiles, lead }: Layout): ModelSpec {
  const { config, names: decoderNames, begin } = languageModelOf(text);
  const decoder = config(text);
  const [norm, inner, outer] = projector;
  const outputs = decoder.hiddenSize;
  const steps: ProjectorStep[] = [{ norm }, { linear: inner, outputs }, 'gelu', { linear: outer, outputs }];
  const encoder = { tower, names, mergeSize: MERGE_SIZE, framesPerGroup: 1, projector: steps };
  return {
    decoder,
    decoderNames: decoderNames('language_model.'),
    ...(otherNames && { otherNames }),
    frameFormat: { size: tower.imageSize, forceSample: true, sample: middleFrames },
    otherProcessors: {
      transformers: { frameFormat: { size: tower.imageSize, forceSample: true, sample: libraryFrames } },
    },
    pixels: imagenetPixels,
    prompt: {
      template,
      ...(begin && { begin }),
      ownTemplate: false,
      marks: 'group',
      severalVideos: true,
      lead: frameNames,
      stopTokens: ['<|im_end|>'],
    },
    pictures: { crops: (source) => tilesOf(source, tower.imageSize, mostTiles), lead, tokens: 'frames' },
    stopIds: text.numbers('eos_token_id'),
    unusedTensors: [/\.inv_freq$/],
    loadEncoder: (loader, computeDtype, loaded) => MergeEncoder.load(loader, encoder, computeDtype, loaded),
  };
}

function languageModelOf(text: ConfigReader): {
  readonly config: (text: ConfigReader) => DecoderConfig;
  readonly names: (prefix: string) => DecoderNames;
  readonly begin: string;
} {
  const types = Object.keys(languageModels) as (keyof typeof languageModels)[];
  return languageModels[text.oneOf('model_type', types, 'internlm2')];
}

/** InternVL's get_index: the middle frame of each of equal stretches. */
export const middleFrames: Sample = (video) => {
  const step = (video.frames - 1) / video.maxFrames;
  return (
    strided(video) ?? Array.from({ length: video.maxFrames }, (_, i) => Math.floor(step / 2 + roundHalfEven(step * i)))
  );
};

/** The middles of equal stretches as Hugging Face's `video_processing_internvl.py` rounds them, whatever the rate. */
export const libraryFrames: Sample = ({ frames, maxFrames }) => {
  const count = Math.min(maxFrames, frames);
  const step = frames / count;
  return Array.from({ length: count }, (_, i) => Math.trunc(Math.fround(step / 2 + i * step)));
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

function checkGrid(tower: TowerConfig, config: ConfigReader, key: string): void {
  if (gridOf(tower) % MERGE_SIZE !== 0) throw config.wrong(key, 'an even number of patches along a side');
}
