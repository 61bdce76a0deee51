import { fixed } from '../../engine/round.ts';
import { VIDEO_MARK } from '../chat.ts';
import type { PromptForm } from '../family.ts';

/** What stands around a picture, or a pair of frames, as special tokens. */
export const SHOWN = `<|vision_start|>${VIDEO_MARK}<|vision_end|>`;

/**
 * The time of each pair of frames, the mean of theirs, and the pair; the last frame stands in for one that its pair lacks.
 *
 * @see Hugging Face `processing_qwen3_vl.py`, replace_video_token of the release that the model came with, 4.57.
 */
export const timedPairs: PromptForm['lead'] = ({ groups, times: { seconds } }) =>
  Array.from({ length: groups }, (_, i) => {
    const first = seconds[2 * i] ?? 0;
    const second = seconds[2 * i + 1] ?? first;
    return `<${fixed((first + second) / 2, 1)} seconds>${SHOWN}`;
  }).join('');
