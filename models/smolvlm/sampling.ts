import { roundHalfEven } from '../../engine/round.ts';
import { linspace, type Sample } from '../sampling.ts';

/** Left out at both ends of a video that has frames enough without, in seconds. */
const SKIPPED = 1;

/**
 * Frames at a rate from the first to the last, each once.
 *
 * @see Hugging Face `video_processing_smolvlm.py`, sample_frames.
 */
export const sampleSeconds: Sample = (video) => {
  const { frames, averageFps, maxFrames, fps, forceSample } = video;
  const duration = frames / averageFps;
  const wanted = Math.max(1, Math.min(roundHalfEven(fps * duration), maxFrames));
  const count = forceSample ? maxFrames : wanted;
  const { first, last } = rangeOf(frames, averageFps, duration - 2 * SKIPPED > maxFrames * fps);
  const spread = linspace(last - first + 1, count).map((index) => Math.floor(first + index));
  return [...new Set(spread)];
};

function rangeOf(
  frames: number,
  averageFps: number,
  isLong: boolean,
): { readonly first: number; readonly last: number } {
  const first = Math.trunc(SKIPPED * averageFps);
  const last = Math.min(Math.trunc(frames - SKIPPED * averageFps), frames - 1);
  return isLong && first < last ? { first, last } : { first: 0, last: frames - 1 };
}
