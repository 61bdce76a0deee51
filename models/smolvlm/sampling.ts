import { roundHalfEven } from '../../engine/round.ts';
import type { FrameFormat } from '../video-model.ts';

/** Left out at both ends of a video that has frames enough without, in seconds: titles and credits. */
const SKIPPED = 1;

/**
 * Frames at a rate, the first and the last among them, each once.
 *
 * @see Hugging Face `video_processing_smolvlm.py`, sample_frames.
 */
export const sampleSeconds: FrameFormat['sample'] & object = (video) => {
  const { frames, averageFps, maxFrames, fps, forceSample } = video;
  const duration = frames / averageFps;
  const wanted = Math.min(roundHalfEven(fps * duration), maxFrames);
  const count = forceSample ? maxFrames : Math.max(wanted, 1);
  const [first, last] = rangeOf(frames, averageFps, duration - 2 * SKIPPED > maxFrames * fps);
  const step = (last - first) / (count - 1);
  const spread = Array.from({ length: count }, (_, i) =>
    i > 0 && i === count - 1 ? last : Math.floor(first + (i * step || 0)),
  );
  return [...new Set(spread)];
};

function rangeOf(frames: number, averageFps: number, isLong: boolean): readonly [first: number, last: number] {
  const [first, last] = [Math.trunc(SKIPPED * averageFps), Math.trunc(frames - SKIPPED * averageFps)];
  return isLong && first < last ? [first, Math.min(last, frames - 1)] : [0, frames - 1];
}
