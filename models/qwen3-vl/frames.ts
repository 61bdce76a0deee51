import { type Sample, spread } from '../sampling.ts';

/** Fewest frames that a rate takes where the video has them (`min_frames`). */
const FEWEST = 4;

/**
 * The processor's choice: as many frames as the rate makes of the length, not made even, spread from the first to the last.
 *
 * @see Hugging Face `video_processing_qwen3_vl.py`, sample_frames.
 */
export const processorFrames: Sample = ({ frames, averageFps, maxFrames, fps, forceSample }) => {
  const wanted = forceSample ? maxFrames : Math.max(Math.trunc((frames / averageFps) * fps), FEWEST);
  return spread(frames, Math.min(wanted, maxFrames, frames));
};
