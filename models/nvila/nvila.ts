import { InputError } from '../../engine/errors.ts';
import { chatMl, VIDEO_MARK } from '../chat.ts';
import type { ConfigReader } from '../config.ts';
import { llamaNames } from '../decoder/names.ts';
import type { Family } from '../family.ts';
import { needConfig } from '../files.ts';
import { MergeEncoder } from '../merge-encoder.ts';
import { stretched } from '../pictures.ts';
import { siglipPixels } from '../preprocess.ts';
import type { ProjectorStep } from '../projector.ts';
import { type Sample, spread } from '../sampling.ts';
import { siglipNames, unusedTowerTensors } from '../tower/names.ts';
import { type NvilaConfig, nvilaConfig } from './config.ts';

/**
 * "\n" in Qwen2's vocabulary, whose embedding ends every group of tokens. By number, because a checkpoint without a tokenizer is encoded
 * for, too: golden data has none.
 */
const NEWLINE_ID = 198;

const TOWER = siglipNames('vision_model');

/**
 * NVILA (Liu et al. 2024): SigLIP tower, neighbouring patches merged into one, groups of frames averaged, Qwen2 decoder;
 * each part in a folder of its own.
 */
export const nvila: Family = {
  architectures: ['LlavaLlamaModel'],
  spec: async (root, files) => {
    const [llm, tower, projector] = (await Promise.all(
      ['llm', 'vision_tower', 'mm_projector'].map((folder) => needConfig(files, `${folder}/config.json`)),
    )) as [ConfigReader, ConfigReader, ConfigReader];
    const config = nvilaConfig({ root, llm, tower, projector });
    const side = config.tower.imageSize;
    return {
      decoder: config.text,
      decoderNames: llamaNames(),
      weightFolders: ['llm', 'vision_tower', 'mm_projector'],
      textFolder: 'llm',
      frameFormat: { size: side, forceSample: true, sample: timedFrames },
      pixels: siglipPixels,
      prompt: {
        // VILA sets its own template, whose system line has no full stop, whatever the tokenizer's says.
        template: chatMl('You are a helpful assistant'),
        ownTemplate: false,
        marks: 'video',
        lead: () => VIDEO_MARK,
        stopTokens: ['<|im_end|>'],
      },
      pictures: {
        crops: () => {
          if (config.tiled)
            throw new InputError(
              `${root.file}: image_aspect_ratio is "dynamic": the model is shown pictures in tiles, which is not built. Ask it about videos.`,
            );
          return [stretched({ width: side, height: side })];
        },
        lead: (pictures) => VIDEO_MARK.repeat(pictures.length),
        tokens: 'row',
      },
      stopIds: llm.numbers('eos_token_id'),
      unusedTensors: unusedTowerTensors(TOWER, config.tower.layers),
      loadEncoder: (loader, computeDtype, decoder) =>
        MergeEncoder.load(loader, encoderOf(config), computeDtype, decoder),
    };
  },
};

/** VILA's media.py: an even spread, or the frame of each multiple of 1 / fps, the first ones where these are too many. */
export const timedFrames: Sample = ({ frames, averageFps, maxFrames, fps, forceSample }) => {
  if (forceSample) return spread(frames, maxFrames);
  const all = Array.from({ length: maxFrames }, (_, i) => Math.floor((i / fps) * averageFps));
  return all.filter((index) => index < frames);
};

function encoderOf(config: NvilaConfig) {
  const { tower, mergeSize, framesPerGroup, text } = config;
  return {
    tower,
    names: TOWER,
    mergeSize,
    framesPerGroup,
    projector: projectorOf(config, text.hiddenSize),
    endId: NEWLINE_ID,
  };
}

/** The numbers between the layers' are those of merges and GELUs (VILA base_projector.py). */
function projectorOf({ mergeSize, tower }: NvilaConfig, outputs: number): ProjectorStep[] {
  if (mergeSize === 2)
    return [{ norm: 'layers.1' }, { linear: 'layers.2', outputs }, 'gelu', { linear: 'layers.4', outputs }];
  return [
    { norm: 'layers.1' },
    { linear: 'layers.2', outputs: 3 * tower.hiddenSize },
    'gelu',
    { norm: 'layers.4' },
    { linear: 'layers.5', outputs },
    'gelu',
    { linear: 'layers.7', outputs },
  ];
}
