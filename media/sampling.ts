/** Which frames of a video a model sees, and the words that tell it when they were. Number for number LLaVA-Video's. */
import { InputError } from '../engine/errors.ts';
import { fixed } from '../engine/round.ts';
import { type FrameRequest, type Sample, sampleStrided, strided, strideOf } from '../models/sampling.ts';

/** Most frames that can be taken: each is a token at least, and a kernel's grid ends at this many rows. */
export const MOST_FRAMES = 65_535;

/** What {@link sampleFrames} needs to know. */
export interface SamplingOptions extends Pick<FrameRequest, 'frames' | 'averageFps'> {
  /** Most frames to take, from 1 to 65,535. */
  readonly maxFrames: number;
  /** Frames to take per second of video. Default 1. */
  readonly fps?: number;
  /** Spread exactly `maxFrames` over the whole video, whatever its length. Default false. */
  readonly forceSample?: boolean;
  /** When each frame is shown, in seconds. Default: at the average rate. */
  readonly shown?: readonly number[];
  /** A model's own choice of frames. Default {@link sampleStrided}, as LLaVA-Video. */
  readonly sample?: Sample;
}

/** The frames taken from one video. */
export interface Sampling {
  /** Frame indices, ascending. A video shorter than `maxFrames` gives duplicates when `forceSample` is set. */
  readonly indices: number[];
  /** When each frame is shown, in seconds. */
  readonly times: number[];
  /** What the prompt says of them, as the reference does: `0.00s,1.57s,...`. */
  readonly timesText: string;
  /** `frames / averageFps`, in seconds. */
  readonly duration: number;
  /** `duration` for the prompt, two digits, no unit. */
  readonly durationText: string;
  /** Frames that were taken for a second of video. */
  readonly fps: number;
}

/**
 * Takes frames as `sample` says; by default every n-th frame, where n is the frame rate over `fps`, rounded, or `maxFrames` from
 * the first to the last if these are more or `forceSample` is set.
 *
 * @throws InputError if a number is outside what {@link SamplingOptions} says.
 */
export function sampleFrames({ sample, shown, ...wanted }: SamplingOptions): Sampling {
  const video: FrameRequest = { fps: 1, forceSample: false, ...wanted };
  const { frames, averageFps } = video;
  requireCount('frames', frames);
  requireCount('maxFrames', video.maxFrames, MOST_FRAMES);
  requirePositive('averageFps', averageFps);
  requirePositive('fps', video.fps);

  const indices = [...(sample ?? sampleStrided)(video)];
  const times = indices.map((index) => shown?.[index] ?? index / averageFps);
  // LLaVA-Video divides by the step in one case, which is the rate only where a frame a second is asked for.
  const told = !sample && !shown && strided(video) ? indices.map((index) => index / strideOf(video)) : times;
  const duration = frames / averageFps;
  return {
    indices,
    times,
    timesText: told.map((seconds) => `${fixed(seconds, 2)}s`).join(','),
    duration,
    durationText: fixed(duration, 2),
    fps: (indices.length / frames) * averageFps,
  };
}

function requireCount(name: string, value: number, most = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= most) return;
  const range = most < Number.MAX_SAFE_INTEGER ? `from 1 to ${most}` : 'of at least 1';
  throw new InputError(`sampleFrames: ${name} must be an integer ${range}, got ${value}.`);
}

function requirePositive(name: string, value: number): void {
  if (!(value > 0 && value < Infinity))
    throw new InputError(`sampleFrames: ${name} must be positive and finite, got ${value}.`);
}
