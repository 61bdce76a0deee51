import { QWEN_2_VL, VIDEO_MARK } from '../chat.ts';
import { qwen2VlConfig, textConfig } from '../decoder/config.ts';
import { llamaNames } from '../decoder/names.ts';
import type { Family, FamilyPlan } from '../family.ts';
import { readConfig } from '../files.ts';
import { FoldEncoder } from '../fold-encoder.ts';
import { stretched } from '../pictures.ts';
import { clipPixels } from '../preprocess.ts';
import { qwen2VlTowerConfig } from '../tower/config.ts';
import { qwen2VlNames } from '../tower/names.ts';
import { pairedFrames } from './frames.ts';
import { frameLimits, imageLimits, smartResize } from './picture-size.ts';

/** What stands around a picture or a video, as special tokens. */
const SHOWN = `<|vision_start|>${VIDEO_MARK}<|vision_end|>`;

/** Rows that the reference ranks tokens by (FrameFusion qwen2_vl/modeling_qwen2_vl.py). */
const SCORE_ROWS = 4;

/**
 * Qwen2-VL (Wang et al. 2024): pictures of any size, patches over two frames, a tower that rotates by row and column, 2 x 2
 * patches to a token, Qwen2 with positions in time, height and width.
 */
export const qwen2Vl: Family = {
  architectures: ['Qwen2VLForConditionalGeneration'],
  plan: async (config, files): Promise<FamilyPlan> => {
    const vision = config.part('vision_config');
    const tower = qwen2VlTowerConfig(vision);
    const fold = vision.size('spatial_merge_size', 2);
    // transformers 4 has the decoder's keys beside those of the tower, transformers 5 in a part of their own.
    const text = config.raw('text_config') === undefined ? config : textConfig(config);
    const decoder = qwen2VlConfig(text);
    if (vision.size('hidden_size', 3584) !== decoder.hiddenSize)
      throw vision.wrong('hidden_size', `the decoder's, ${decoder.hiddenSize}`);
    const processor = await readConfig(files, 'preprocessor_config.json');
    const own = { min: processor?.optionalSize('min_pixels'), max: processor?.optionalSize('max_pixels') };
    const factor = fold * tower.patchSize;
    const names = 'visual.merger.mlp';
    const inner = fold ** 2 * tower.hiddenSize;
    return {
      decoder,
      decoderNames: llamaNames(),
      frameFormat: {
        size: (source, frames) => smartResize(source, frameLimits(factor, frames, own)),
        fit: 'smooth',
        forceSample: false,
        sample: pairedFrames,
        fps: 2,
      },
      pixels: clipPixels,
      scoreRows: SCORE_ROWS,
      prompt: {
        template: QWEN_2_VL,
        // The checkpoint's own wants lists of pictures.
        ownTemplate: false,
        marks: 'video',
        lead: () => SHOWN,
        stopTokens: ['<|im_end|>'],
      },
      pictures: {
        crops: (source) => [stretched(smartResize(source, imageLimits(factor, own)))],
        lead: (pictures) => SHOWN.repeat(pictures.length),
        tokens: 'text',
      },
      stopIds: text.numbers('eos_token_id'),
      ignorable: [/\.inv_freq$/],
      loadEncoder: (loader, act, loaded) => {
        const projector = [
          { linear: `${names}.0`, outputs: inner },
          'gelu',
          { linear: `${names}.2`, outputs: decoder.hiddenSize },
        ] as const;
        const plan = { tower, names: qwen2VlNames('visual'), fold, framesPerGroup: 1, projector };
        return FoldEncoder.load(loader, plan, act, loaded);
      },
    };
  },
};
