import { chatMl } from '../chat.ts';
import { qwen3VlConfig, textConfig } from '../decoder/config.ts';
import { type DecoderNames, qwen3Names } from '../decoder/names.ts';
import type { Family, Processor } from '../family.ts';
import { MergeEncoder } from '../merge-encoder.ts';
import { stretched } from '../pictures.ts';
import { siglipPixels } from '../preprocess.ts';
import type { ProjectorStep } from '../projector.ts';
import { pairedFramesDown } from '../qwen2-vl/frames.ts';
import { frameLimits, imageLimits, smartResize } from '../qwen2-vl/picture-size.ts';
import { processorFrames } from './frames.ts';
import { sizesOf } from './picture-size.ts';
import { SHOWN, timedPairs } from './prompt.ts';
import { qwen3VlNames, qwen3VlTowerConfig } from './tower.ts';

const VISUAL = 'model.visual';

const DECODER: DecoderNames = {
  ...qwen3Names(),
  embedding: 'model.language_model.embed_tokens',
  layers: 'model.language_model.layers',
  norm: 'model.language_model.norm',
};

/**
 * Qwen3-VL (Qwen team 2025; Hugging Face `modeling_qwen3_vl.py`): learned positions and rotations in the tower, features of
 * some of its layers added to the tokens after the decoder's first ones (deepstack, Meng et al. 2024), a time before each pair
 * of frames, Qwen3 with positions on three axes.
 */
export const qwen3Vl: Family = {
  architectures: ['Qwen3VLForConditionalGeneration'],
  spec: async (config, files) => {
    const vision = config.part('vision_config');
    const text = textConfig(config);
    const decoder = qwen3VlConfig(text);
    if (vision.size('out_hidden_size', 3584) !== decoder.hiddenSize)
      throw vision.wrong('out_hidden_size', `the decoder's, ${decoder.hiddenSize}`);
    const mergeSize = vision.size('spatial_merge_size', 2);
    const tower = qwen3VlTowerConfig(vision);
    const inner = mergeSize ** 2 * tower.hiddenSize;
    const merger = (name: string): ProjectorStep[] => [
      { linear: `${VISUAL}.${name}.linear_fc1`, outputs: inner },
      'gelu',
      { linear: `${VISUAL}.${name}.linear_fc2`, outputs: decoder.hiddenSize },
    ];
    // A plane is normed after neighbours are joined, the tokens before.
    const planes = (tower.taps ?? []).map((_, i): ProjectorStep[] => {
      const name = `deepstack_merger_list.${i}`;
      return [{ norm: `${VISUAL}.${name}.norm`, eps: tower.normEps }, ...merger(name)];
    });
    const sizes = await sizesOf(files, mergeSize * tower.patchSize);
    return {
      decoder,
      decoderNames: DECODER,
      frameFormat: {
        size: sizes.frame,
        forceSample: false,
        sample: processorFrames,
        fps: 2,
      },
      pixels: siglipPixels,
      prompt: {
        template: chatMl(),
        // The checkpoint's own wants lists of pictures.
        ownTemplate: false,
        penalisesPrompt: true,
        marks: 'group',
        severalVideos: true,
        lead: timedPairs,
        stopTokens: ['<|im_end|>'],
      },
      pictures: {
        crops: (source) => [stretched(sizes.picture(source))],
        lead: (pictures) => SHOWN.repeat(pictures.length),
        tokens: 'text',
      },
      stopIds: text.numbers('eos_token_id'),
      otherProcessors: { 'qwen-vl-utils': utilsProcessor(mergeSize * tower.patchSize) },
      unusedTensors: [/\.inv_freq$/],
      loadEncoder: (loader, computeDtype, loaded) => {
        const parts = {
          tower,
          names: qwen3VlNames(VISUAL),
          mergeSize,
          framesPerGroup: 1,
          projector: merger('merger'),
          planes,
        };
        return MergeEncoder.load(loader, parts, computeDtype, loaded);
      },
    };
  },
};

/**
 * qwen-vl-utils, as the model's card has it beside the library's own processor: frames in pairs, and a budget of pixels for
 * each frame.
 *
 * @param factor - Side of a token, in pixels.
 */
function utilsProcessor(factor: number): Processor {
  return {
    frameFormat: {
      size: (source, frames) => smartResize(source, frameLimits(factor, frames)),
      fit: 'smooth',
      forceSample: false,
      sample: pairedFramesDown,
      fps: 2,
    },
    crops: (source) => [stretched(smartResize(source, imageLimits(factor, {})))],
  };
}
