/**
 * Which frames of a video a family sees: pieces of which a family's own `sample` is made. `media` takes what it gives.
 */
import { roundHalfEven } from '../engine/round.ts';

/** A video, or the part of one that is looked at, and what is wanted of it. */
export interface FrameRequest {
  /** Frames of the video; at least 1. */
  readonly frames: number;
  /** Average frame rate of the video, frames per second. */
  readonly averageFps: number;
  /** Most frames to take; at least 1. */
  readonly maxFrames: number;
  /** Frames to take per second of video. */
  readonly fps: number;
  /** Whether `maxFrames` are wanted, whatever `fps` says. */
  readonly forceSample: boolean;
}

/** When frames were sampled, in the form that prompts use. */
export interface SampledTimes {
  readonly frames: number;
  /** Length of the video in seconds. */
  readonly duration: number;
  /** The same, two digits: `31.41`. */
  readonly durationText: string;
  /** When each frame is shown. */
  readonly seconds: readonly number[];
  /** The same: `0.00s,15.69s,31.38s`. */
  readonly timesText: string;
  /** Frames that were taken for a second of video. */
  readonly fps: number;
}

/** Chooses frames: their indices, ascending. */
export type Sample = (video: FrameRequest) => readonly number[];

/** Frames from one to the next where `fps` are taken every second: the frame rate over it, rounded, and at least 1. */
export function strideOf({ averageFps, fps }: FrameRequest): number {
  return Math.max(1, roundHalfEven(averageFps / fps));
}

/** Every n-th frame. */
export function every(frames: number, stride: number): number[] {
  return Array.from({ length: Math.ceil(frames / stride) }, (_, i) => i * stride);
}

/** Every n-th frame, where so many are allowed and no other number is wanted. */
export function strided(video: FrameRequest): number[] | undefined {
  if (video.forceSample) return undefined;
  const indices = every(video.frames, strideOf(video));
  return indices.length <= video.maxFrames ? indices : undefined;
}

/** `numpy.linspace(0, frames - 1, count)`, in numpy's order of operations: not whole numbers. */
export function linspace(frames: number, count: number): number[] {
  if (count === 1) return [0];
  const step = (frames - 1) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? frames - 1 : i * step));
}

/** An even spread from the first frame to the last, rounded, halves to even. */
export function spread(frames: number, count: number): number[] {
  return linspace(frames, count).map(roundHalfEven);
}

/**
 * LLaVA-Video's, and what a video is sampled by where no family says otherwise: every n-th frame, or `maxFrames` from the first
 * to the last, rounded down.
 *
 * Deviation: where the rounded n is 0 (`averageFps <= fps / 2`) the reference fails; here every frame is taken.
 */
export const sampleStrided: Sample = (video) =>
  strided(video) ?? linspace(video.frames, video.maxFrames).map(Math.floor);
