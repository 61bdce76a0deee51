import { roundHalfEven } from '../../engine/round.ts';
import { type FrameRequest, type Sample, spread } from '../sampling.ts';

/** Fewest frames that a rate takes (qwen-vl-utils, FPS_MIN_FRAMES). */
const FEWEST = 4;

/**
 * qwen-vl-utils' choice, where two frames make one patch: an even spread of an even number of frames, of a rate's at least four.
 * What a rate makes is rounded to pairs, as in the releases of Qwen2-VL's time.
 *
 * @see Qwen2-VL vision_process.py, smart_nframes.
 */
export const pairedFrames: Sample = (video) => spread(video.frames, paired(video, roundHalfEven));

/** The same as later releases have it, which round what a rate makes down. */
export const pairedFramesDown: Sample = (video) => spread(video.frames, paired(video, Math.floor));

/**
 * How many: an even number, but where there is one, or one is asked for. A number that is asked for is rounded, half a pair to an
 * even number of pairs; one that must not be exceeded is rounded down.
 */
function paired(video: FrameRequest, whole: (pairs: number) => number): number {
  const { frames, averageFps, maxFrames, fps, forceSample } = video;
  const most = Math.max(2 * Math.floor(frames / 2), 1);
  if (forceSample) return Math.min(maxFrames === 1 ? 1 : 2 * roundHalfEven(maxFrames / 2), most);
  const wanted = Math.max((frames / averageFps) * fps, FEWEST);
  return Math.min(2 * whole(wanted / 2), Math.max(2 * Math.floor(maxFrames / 2), 1), most);
}
