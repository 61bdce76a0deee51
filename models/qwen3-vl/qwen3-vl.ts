import type { CheckpointFiles } from '../../checkpoint/safetensors.ts';
import { chatMl } from '../chat.ts';
import { qwen3VlConfig, textConfig } from '../decoder/config.ts';
import { type DecoderNames, qwen3Names } from '../decoder/names.ts';
import type { Family } from '../family.ts';
import { readConfig } from '../files.ts';
import { FoldEncoder } from '../fold-encoder.ts';
import { stretched } from '../pictures.ts';
import { siglipPixels } from '../preprocess.ts';
import type { ProjectorStep } from '../projector.ts';
import { type SizeLimits, smartResize } from '../qwen2-vl/picture-size.ts';
import { qwen3VlTowerConfig } from '../tower/config.ts';
import { qwen3VlNames } from '../tower/names.ts';
import { processorFrames } from './frames.ts';
import { SHOWN, timedPairs } from './prompt.ts';

const VISUAL = 'model.visual';

const DECODER: DecoderNames = {
  ...qwen3Names(),
  embedding: 'model.language_model.embed_tokens',
  layers: 'model.language_model.layers',
  norm: 'model.language_model.norm',
};

/** Bounds on the pixels of a picture, and on those of all frames of a video together, where no file says any. */
const PICTURE = { min: 65536, max: 16777216 };
const VIDEO = { min: 4096, max: 25165824 };

/**
 * The tokens of the largest picture: a kernel's grid ends at 65,535 rows of patches.
 */
const MOST_TOKENS = 16383;

/**
 * Qwen3-VL (Qwen team 2025; Hugging Face `modeling_qwen3_vl.py`): learned positions and rotations in the tower, features of
 * some of its layers added to the tokens after the decoder's first ones (deepstack, Meng et al. 2024), a time before each pair
 * of frames, Qwen3 with positions on three axes.
 */
export const qwen3Vl: Family = {
  architectures: ['Qwen3VLForConditionalGeneration'],
  plan: async (config, files) => {
    const vision = config.part('vision_config');
    const text = textConfig(config);
    const decoder = qwen3VlConfig(text);
    if (vision.size('out_hidden_size', 3584) !== decoder.hiddenSize)
      throw vision.wrong('out_hidden_size', `the decoder's, ${decoder.hiddenSize}`);
    const fold = vision.size('spatial_merge_size', 2);
    const tower = qwen3VlTowerConfig(vision);
    const inner = fold ** 2 * tower.hiddenSize;
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
    const factor = fold * tower.patchSize;
    const picture = await limitsOf(files, 'preprocessor_config.json', factor, PICTURE);
    const video = await limitsOf(files, 'video_preprocessor_config.json', factor, VIDEO);
    const most = MOST_TOKENS * factor ** 2;
    const pictureLimits = { ...picture, maxPixels: Math.min(picture.maxPixels, most) };
    return {
      decoder,
      decoderNames: DECODER,
      frameFormat: {
        size: (source, frames) => smartResize(enlarged(source, factor), { ...video, frames: Math.max(frames, 2) }),
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
        lead: timedPairs,
        stopTokens: ['<|im_end|>'],
      },
      pictures: {
        crops: (source) => [stretched(smartResize(source, pictureLimits))],
        lead: (pictures) => SHOWN.repeat(pictures.length),
        tokens: 'text',
      },
      stopIds: text.numbers('eos_token_id'),
      ignorable: [/\.inv_freq$/],
      loadEncoder: (loader, act, loaded) => {
        const plan = {
          tower,
          names: qwen3VlNames(VISUAL),
          fold,
          framesPerGroup: 1,
          projector: merger('merger'),
          planes,
        };
        return FoldEncoder.load(loader, plan, act, loaded);
      },
    };
  },
};

/** The bounds that a processor's file says: the area of the picture or of all frames, under the names of edges. */
async function limitsOf(
  files: CheckpointFiles,
  file: string,
  factor: number,
  { min, max }: { readonly min: number; readonly max: number },
): Promise<SizeLimits> {
  const processor = await readConfig(files, file);
  const size = processor?.raw('size') === undefined ? undefined : processor.part('size');
  const maxPixels = size?.size('longest_edge', max) ?? max;
  return { factor, minPixels: Math.min(size?.size('shortest_edge', min) ?? min, maxPixels), maxPixels, least: 0 };
}

/** A frame whose shorter side is at least the side of a token. */
function enlarged({ width, height }: { width: number; height: number }, side: number) {
  const scale = side / Math.min(width, height);
  return scale > 1 ? { width: Math.trunc(width * scale), height: Math.trunc(height * scale) } : { width, height };
}
