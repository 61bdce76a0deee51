import { requireObject } from '../engine/misuse.ts';
import type { FrameFormat, SampleSettings, SamplingWishes } from './inputs.ts';

/** What a model is run with where nobody says otherwise: the catalogue's entry, or none. */
export interface ModelDefaults {
  /** Most frames of a video that it is shown; default 64. */
  readonly frames?: number;
  readonly fps?: number;
  readonly forceSample?: boolean;
  readonly similarityLowerBound?: number;
  readonly ratioLowerBound?: number;
  /** The question where none is asked. */
  readonly prompt?: string;
}

/** Frames of a model that nobody has named. */
export const DEFAULT_FRAMES = 64;

/** Share of the video tokens that is computed where nobody says otherwise. */
export const DEFAULT_COST = 0.3;

/** What to sample: what is wished for, behind it the model's defaults, and behind those its family's format. */
export function samplingOf(
  model: { readonly frameFormat: FrameFormat; readonly defaults: ModelDefaults },
  wishes: SamplingWishes = {},
): SampleSettings {
  requireObject('samplingOf', 'a model', model);
  requireObject('samplingOf', 'a model', model.frameFormat);
  requireObject('samplingOf', 'a model', model.defaults);
  requireObject('samplingOf', 'a model, and what is wished for: { frames, ... }', wishes);
  const { frameFormat, defaults } = model;
  const { forceSample, fps: ownFps, ...format } = frameFormat;
  const { frames, fps: wished, start, end } = wishes;
  const fps = wished ?? defaults.fps ?? ownFps;
  return {
    ...format,
    maxFrames: frames ?? defaults.frames ?? DEFAULT_FRAMES,
    // A rate that was asked for is not overruled by what the model prefers.
    forceSample: wishes.forceSample || (wished === undefined && (defaults.forceSample ?? forceSample)),
    ...(fps !== undefined && { fps }),
    ...(start !== undefined && { start }),
    ...(end !== undefined && { end }),
  };
}
