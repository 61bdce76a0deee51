import type { Family, SpokenVideo } from '../family.ts';
import { pairedFramesDown } from '../qwen2-vl/frames.ts';
import { decoderOf, specOf } from '../qwen2-vl/qwen2-vl.ts';
import { qwen25VlNames, qwen25VlTowerConfig } from './tower.ts';

const { fround, trunc } = Math;

/** Frames that a group of tokens stands for. */
const FRAMES_PER_GROUP = 2;

/**
 * Qwen2.5-VL (Bai et al. 2025): Qwen2-VL with a tower that attends within windows in most layers, and positions in time that
 * are seconds, not numbers of frames.
 */
export const qwen25Vl: Family = {
  architectures: ['Qwen2_5_VLForConditionalGeneration'],
  spec: (config, files) => {
    const vision = config.part('vision_config');
    const { text, decoder } = decoderOf(config);
    if (vision.size('out_hidden_size', 3584) !== decoder.hiddenSize)
      throw vision.wrong('out_hidden_size', `the decoder's, ${decoder.hiddenSize}`);
    const perSecond = vision.size('tokens_per_second', 4);
    const tower = qwen25VlTowerConfig(vision);
    const parts = {
      decoder,
      text,
      tower,
      names: qwen25VlNames('visual'),
      mergeSize: vision.size('spatial_merge_size', 2),
    };
    return specOf({ ...parts, sample: pairedFramesDown, times: (video) => absoluteTimes(video, perSecond) }, files);
  },
};

/**
 * When the groups of a video are, in steps of `perSecond` a second; both products are rounded to f32, as the models were
 * trained.
 *
 * @see Qwen's own code for fine-tuning, `rope2d.py`, get_rope_index_25.
 */
export function absoluteTimes({ groups, times }: Pick<SpokenVideo, 'groups' | 'times'>, perSecond: number): number[] {
  const secondsPerGroup = fround(FRAMES_PER_GROUP / times.fps);
  return Array.from({ length: groups }, (_, i) => trunc(fround(fround(i * secondsPerGroup) * perSecond)));
}
