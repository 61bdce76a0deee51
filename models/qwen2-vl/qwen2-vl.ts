import type { CheckpointFiles } from '../../checkpoint/safetensors.ts';
import { QWEN_2_VL, VIDEO_MARK } from '../chat.ts';
import type { ConfigReader } from '../config.ts';
import { type DecoderConfig, qwen2VlConfig, textConfig } from '../decoder/config.ts';
import { llamaNames } from '../decoder/names.ts';
import type { Family, ModelSpec, NameChange, PromptForm } from '../family.ts';
import { readConfig } from '../files.ts';
import { MergeEncoder } from '../merge-encoder.ts';
import { stretched } from '../pictures.ts';
import { clipPixels } from '../preprocess.ts';
import type { Sample } from '../sampling.ts';
import type { TowerConfig } from '../tower/config.ts';
import type { TowerNames } from '../tower/names.ts';
import { pairedFrames } from './frames.ts';
import { frameLimits, imageLimits, smartResize } from './picture-size.ts';
import { qwen2VlNames, qwen2VlTowerConfig } from './tower.ts';

/** Names that transformers has given to the parts of the model since 4.52. */
const NEWER_NAMES: readonly NameChange[] = [
  [/^model\.visual\./, 'visual.'],
  [/^model\.language_model\./, 'model.'],
];

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
  spec: async (config, files) => {
    const vision = config.part('vision_config');
    const { text, decoder } = decoderOf(config);
    if (vision.size('hidden_size', 3584) !== decoder.hiddenSize)
      throw vision.wrong('hidden_size', `the decoder's, ${decoder.hiddenSize}`);
    const tower = qwen2VlTowerConfig(vision);
    const parts = {
      decoder,
      text,
      tower,
      names: qwen2VlNames('visual'),
      mergeSize: vision.size('spatial_merge_size', 2),
    };
    return { ...(await specOf({ ...parts, sample: pairedFrames }, files)), scoreRows: SCORE_ROWS };
  },
};

/** transformers 4 has the decoder's keys beside those of the tower, transformers 5 in a part of their own. */
export function decoderOf(config: ConfigReader): { readonly text: ConfigReader; readonly decoder: DecoderConfig } {
  const text = config.raw('text_config') === undefined ? config : textConfig(config);
  return { text, decoder: qwen2VlConfig(text) };
}

/** What the versions differ in. */
interface Parts {
  readonly decoder: DecoderConfig;
  readonly text: ConfigReader;
  readonly tower: TowerConfig;
  readonly names: TowerNames;
  /** Patches along a side that become one token. */
  readonly mergeSize: number;
  readonly sample: Sample;
  readonly times?: PromptForm['times'];
}

/** The spec of Qwen2-VL or 2.5: what qwen-vl-utils and the class make of pictures, videos and prompts is the same. */
export async function specOf(parts: Parts, files: CheckpointFiles): Promise<ModelSpec> {
  const { decoder, text, tower, names, mergeSize, sample, times } = parts;
  const processor = await readConfig(files, 'preprocessor_config.json');
  const own = { min: processor?.optionalSize('min_pixels'), max: processor?.optionalSize('max_pixels') };
  const factor = mergeSize * tower.patchSize;
  const projector = [
    { linear: 'visual.merger.mlp.0', outputs: mergeSize ** 2 * tower.hiddenSize },
    'gelu',
    { linear: 'visual.merger.mlp.2', outputs: decoder.hiddenSize },
  ] as const;
  return {
    decoder,
    decoderNames: llamaNames(),
    otherNames: NEWER_NAMES,
    frameFormat: {
      size: (source, frames) => smartResize(source, frameLimits(factor, frames, own)),
      fit: 'smooth',
      forceSample: false,
      sample,
      fps: 2,
    },
    pixels: clipPixels,
    prompt: {
      template: QWEN_2_VL,
      ownTemplate: { video: '<|video_pad|>', image: '<|image_pad|>' },
      penalisesPrompt: true,
      marks: 'video',
      severalVideos: true,
      lead: () => SHOWN,
      stopTokens: ['<|im_end|>'],
      ...(times && { times }),
    },
    pictures: {
      crops: (source) => [stretched(smartResize(source, imageLimits(factor, own)))],
      lead: (pictures) => SHOWN.repeat(pictures.length),
      tokens: 'text',
    },
    stopIds: text.numbers('eos_token_id'),
    unusedTensors: [/\.inv_freq$/],
    loadEncoder: (loader, computeDtype, loaded) =>
      MergeEncoder.load(loader, { tower, names, mergeSize, framesPerGroup: 1, projector }, computeDtype, loaded),
  };
}
