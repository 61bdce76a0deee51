import { roundHalfEven } from '../../engine/round.ts';
import { type FrameRequest, type Sample, spread } from '../sampling.ts';

/** Fewest frames that a rate takes (qwen-vl-utils, FPS_MIN_FRAMES). */
const FEWEST = 4;

/**
 * qwen-vl-utils' choice, where two frames make one patch: an even spread of an even number of frames, of a rate's at least four.
 *
 * @see Qwen2-VL vision_process.py, smart_nframes.
 */
export const pairedFrames: Sample = (video) => spread(video.frames, paired(video));

/** An even number, but where there is a single frame, or one is asked for. */
function paired({ frames, averageFps, maxFrames, fps, forceSample }: FrameRequest): number {
  // An odd number that is asked for is rounded; one that the video has is not there to be.
  const most = Math.max(1, Math.min(2 * roundHalfEven(maxFrames / 2), 2 * Math.floor(frames / 2)));
  if (forceSample) return most;
  const wanted = Math.max((frames / averageFps) * fps, FEWEST);
  return Math.min(2 * roundHalfEven(wanted / 2), most);
}
