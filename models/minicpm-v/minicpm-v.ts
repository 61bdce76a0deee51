import type { Crop } from '../../engine/geometry.ts';
import { QWEN_1_5, VIDEO_MARK } from '../chat.ts';
import type { ConfigReader } from '../config.ts';
import { qwen2Config } from '../decoder/config.ts';
import { llamaNames } from '../decoder/names.ts';
import type { Family, ModelSpec } from '../family.ts';
import { siglipPixels } from '../preprocess.ts';
import { every, type Sample, strided, strideOf } from '../sampling.ts';
import { siglipConfig, type TowerConfig, withoutLast } from '../tower/config.ts';
import { siglipNames, unusedTowerTensors } from '../tower/names.ts';
import { ResamplerEncoder } from './encoder.ts';
import { HEAD_DIM } from './resampler.ts';
import { type SliceConfig, slicesOf } from './slices.ts';

/** What a frame of a video is cut into at most; pictures may have as many slices as the config says (FrameFusion's script). */
const VIDEO_SLICES = 2;

/** `</image>` or `</slice>`, and the newline behind it. */
const CLOSING = 2;

const TOWER = { ...siglipNames('vpm'), finalNorm: 'vpm.post_layernorm' };

/**
 * MiniCPM-V 2.6 (Yao et al. 2024): a SigLIP tower for pictures of any size, slices of large frames, a fixed number of tokens
 * for each by a resampler, Qwen2 decoder.
 */
export const miniCpmV: Family = {
  architectures: ['MiniCPMV'],
  spec: (config): ModelSpec => {
    // Earlier versions have the same architecture by name, and other decoders.
    config.oneOf('version', [2.6]);
    config.oneOf('slice_mode', [true], true);
    const decoder = qwen2Config(config);
    if (decoder.hiddenSize % HEAD_DIM !== 0) throw config.wrong('hidden_size', `a multiple of ${HEAD_DIM}`);
    const tower = towerConfig(config);
    const slices = sliceConfig(config, tower);
    const frameSlices = { ...slices, maxSlices: Math.min(slices.maxSlices, VIDEO_SLICES) };
    const numbered = config.flag('use_image_id', true);
    const encoder = { tower, names: TOWER, width: decoder.hiddenSize, queries: config.size('query_num') };
    return {
      decoder,
      decoderNames: llamaNames('llm.'),
      frameFormat: {
        size: slices.scaleResolution,
        pictures: slicesOf(frameSlices),
        forceSample: false,
        sample: thinnedFrames,
      },
      pixels: siglipPixels,
      prompt: {
        template: QWEN_1_5,
        ownTemplate: 'text',
        repetitionPenalty: 1.05, // chat() of the remote code
        marks: 'picture',
        typedAfter: CLOSING,
        lead: ({ groups, pictures }) => `${sourceAndSlices(pictures)}\n`.repeat(groups),
        stopTokens: ['<|im_end|>', '<|endoftext|>'],
      },
      pictures: {
        crops: slicesOf(slices),
        lead: (pictures) =>
          pictures.map((crops, i) => `${numbered ? idOf(i) : ''}${sourceAndSlices(crops)}\n`).join(''),
        tokens: 'frames',
      },
      stopIds: config.numbers('eos_token_id'),
      unusedTensors: unusedTowerTensors(TOWER, tower.layers),
      loadEncoder: (loader, computeDtype) => ResamplerEncoder.load(loader, encoder, computeDtype),
    };
  },
};

/** FrameFusion's script, uniform_sample: the middles of equal stretches of those frames that the rate alone would take. */
export const thinnedFrames: Sample = (video) => {
  const { frames, maxFrames } = video;
  const all = every(frames, strideOf(video));
  const step = all.length / maxFrames;
  return strided(video) ?? Array.from({ length: maxFrames }, (_, i) => all[Math.floor(i * step + step / 2)]!);
};

/** All of a frame or picture, then its slices, of which each row but the last ends a line. */
function sourceAndSlices(crops: readonly Crop[]): string {
  const marked = crops.map(({ top }, i) => {
    if (i === 0) return `<image>${VIDEO_MARK}</image>`;
    const isNewRow = i > 1 && top !== crops[i - 1]?.top;
    return `${isNewRow ? '\n' : ''}<slice>${VIDEO_MARK}</slice>`;
  });
  return marked.join('');
}

/** Pictures have numbers, frames have none (`image_processing_minicpmv.py`). */
function idOf(picture: number): string {
  return `<image_id>${picture}</image_id>`;
}

function towerConfig(config: ConfigReader): TowerConfig {
  const vision = config.part('vision_config');
  vision.oneOf('model_type', ['siglip', 'siglip_vision_model'], 'siglip');
  const siglip = siglipConfig(vision);
  if (siglip.hiddenSize % 4 !== 0) throw vision.wrong('hidden_size', 'a multiple of 4');
  const tower = withoutLast(siglip, config.flag('drop_vision_last_layer', false) ? 1 : 0);
  return { ...tower, positions: 'buckets' };
}

function sliceConfig(config: ConfigReader, { patchSize }: TowerConfig): SliceConfig {
  const slices = config.part('slice_config');
  if (slices.size('patch_size', patchSize) !== patchSize)
    throw slices.wrong('patch_size', `that of vision_config, ${patchSize}`);
  return {
    scaleResolution: slices.size('scale_resolution', config.size('image_size', 448)),
    patchSize,
    maxSlices: slices.size('max_slice_nums', 9),
  };
}
