/** Which frames of a video a model sees, and the words that tell it when they were. Number for number LLaVA-Video's. */
import { InputError } from '../engine/errors.ts';
import { roundHalfEven } from '../engine/round.ts';

/** Most frames that can be taken: each is a token at least, and a kernel's grid ends at this many rows. */
export const MOST_FRAMES = 65_535;

/** What {@link sampleFrames} needs to know. */
export interface SamplingOptions {
  /** Frames of the whole video; at least 1. */
  readonly frames: number;
  /** Average frame rate of the video, frames per second. */
  readonly averageFps: number;
  /** Most frames to take, from 1 to {@link MOST_FRAMES}. */
  readonly maxFrames: number;
  /** Frames to take per second of video. Default 1. */
  readonly fps?: number;
  /** Spread exactly `maxFrames` over the whole video, whatever its length. Default false. */
  readonly forceSample?: boolean;
  /** Which frames an even spread takes. Default `ends`, as LLaVA-Video. */
  readonly spread?: Spread;
  /** What `fps` means. Default `stride`, as LLaVA-Video. */
  readonly rate?: Rate;
  /** The model's own choice, in the place of `spread` and `rate`. */
  readonly sample?: Sampler;
}

/** Chooses frames of a video: indices, ascending. */
export type Sampler = (video: Required<Pick<SamplingOptions, SamplerKeys>>) => readonly number[];
type SamplerKeys = 'frames' | 'averageFps' | 'maxFrames' | 'fps' | 'forceSample';

/**
 * Frames at a rate. `stride`: every n-th, n rounded, or an even spread of `maxFrames` if these are more (LLaVA-Video).
 * `times`: the frame that is shown at every multiple of 1 / fps, the first `maxFrames` of them (NVILA). `pairs`: an even
 * spread of as many as the rate asks for, an even number of at least 4 (Qwen2-VL).
 */
export type Rate = 'stride' | 'times' | 'pairs';

/**
 * Frames spread evenly. `ends`: from the first to the last, rounded down (LLaVA); `nearest`: the same, rounded, halves to
 * even (NVILA). Or one of each of equal stretches: where it starts (LLaVA-NeXT-Video), or its middle (InternVL), or the middle
 * of those frames that the rate alone would take (MiniCPM-V).
 */
export type Spread = 'ends' | 'nearest' | 'starts' | 'middles' | 'thinned';

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
}

/**
 * Takes frames at a rate, as `rate` says; by default every n-th frame, where n is the frame rate over `fps`, rounded. If that
 * gives more than `maxFrames`, or if `forceSample` is set, `maxFrames` are spread evenly from the first frame to the last.
 *
 * Deviation: where the rounded n is 0 (`averageFps <= fps / 2`) the reference fails; here every frame is taken.
 *
 * @throws InputError if a number is outside what {@link SamplingOptions} says.
 */
export function sampleFrames(options: SamplingOptions): Sampling {
  const { frames, averageFps, maxFrames, fps = 1, forceSample = false, spread = 'ends', rate = 'stride' } = options;
  requireCount('frames', frames);
  requireCount('maxFrames', maxFrames, MOST_FRAMES);
  requirePositive('averageFps', averageFps);
  requirePositive('fps', fps);

  const stride = Math.max(1, roundHalfEven(averageFps / fps));
  const strided = !options.sample && rate === 'stride' && !forceSample && Math.ceil(frames / stride) <= maxFrames;
  const own = options.sample?.({ frames, averageFps, maxFrames, fps, forceSample });
  const indices = own ? [...own] : strided ? every(frames, stride) : taken({ ...options, forceSample, spread, rate });
  const times = indices.map((index) => index / averageFps);
  // The reference divides by the step in one case, which is the rate only where a frame a second is asked for.
  const told = strided ? indices.map((index) => index / stride) : times;
  const duration = frames / averageFps;
  return {
    indices,
    times,
    timesText: told.map((seconds) => `${twoDigits(seconds)}s`).join(','),
    duration,
    durationText: twoDigits(duration),
  };
}

/** The frames, where it is not every n-th. */
function taken(options: SamplingOptions & { readonly spread: Spread; readonly rate: Rate }): number[] {
  const { frames, maxFrames, forceSample, spread, rate } = options;
  if (rate === 'times' && !forceSample) return atTimes(options);
  const { averageFps, fps = 1 } = options;
  const stride = Math.max(1, roundHalfEven(averageFps / fps));
  return spreads[spread](frames, rate === 'pairs' ? paired(options) : maxFrames, stride);
}

/** VILA's media.py: the frame of each time, as far as there are frames and room. */
function atTimes({ frames, averageFps, maxFrames, fps = 1 }: SamplingOptions): number[] {
  const all = Array.from({ length: maxFrames }, (_, i) => Math.floor((i / fps) * averageFps));
  return all.filter((index) => index < frames);
}

/** Fewest frames of Qwen2-VL's vision_process.py, smart_nframes. */
const FEWEST_PAIRED = 4;

/**
 * How many frames `pairs` takes: an even number but where there is one, or one is asked for. A number that is asked for is
 * rounded, half a pair to an even number of pairs; one that must not be exceeded is rounded down.
 */
function paired({ frames, averageFps, maxFrames, fps = 1, forceSample = false }: SamplingOptions): number {
  const most = Math.max(2 * Math.floor(frames / 2), 1);
  if (forceSample) return Math.min(maxFrames === 1 ? 1 : 2 * roundHalfEven(maxFrames / 2), most);
  const wanted = Math.max((frames / averageFps) * fps, FEWEST_PAIRED);
  return Math.min(2 * roundHalfEven(wanted / 2), Math.max(2 * Math.floor(maxFrames / 2), 1), most);
}

/**
 * Python's `'%.2f' % x`: the exact value of the double, ties to even. 0.125 gives `0.12`.
 *
 * @throws InputError if `x` is not finite.
 */
export function twoDigits(x: number): string {
  if (!Number.isFinite(x)) throw new InputError(`twoDigits: needs a finite number, got ${x}.`);
  // From 1e21 on toFixed turns to exponents; such a double is an integer.
  const text = Math.abs(x) < 1e21 ? x.toFixed(2) : `${BigInt(x)}.00`;
  // toFixed is exact too, but takes ties away from zero. Only odd multiples of 1/8 lie half-way between hundredths.
  const tie = Math.abs(x * 8) % 2 === 1;
  const last = Number(text.at(-1));
  const even = tie && last % 2 === 1 ? `${text.slice(0, -1)}${last - 1}` : text;
  return Object.is(x, -0) ? `-${even}` : even;
}

function every(frames: number, stride: number): number[] {
  return Array.from({ length: Math.ceil(frames / stride) }, (_, i) => i * stride);
}

const spreads: Readonly<Record<Spread, (frames: number, count: number, stride: number) => number[]>> = {
  ends: (frames, count) => linspace(frames, count).map(Math.floor),
  nearest: (frames, count) => linspace(frames, count).map(roundHalfEven),
  // `numpy.arange(0, frames, frames / count)` of Hugging Face's example.
  starts: (frames, count) => Array.from({ length: count }, (_, i) => Math.floor((i * frames) / count)),
  // InternVL's get_index.
  middles: (frames, count) => {
    const step = (frames - 1) / count;
    return Array.from({ length: count }, (_, i) => Math.floor(step / 2 + roundHalfEven(step * i)));
  },
  // FrameFusion's script for MiniCPM-V, uniform_sample.
  thinned: (frames, count, stride) => {
    const all = every(frames, stride);
    const step = all.length / count;
    return Array.from({ length: count }, (_, i) => all[Math.floor(i * step + step / 2)]!);
  },
};

/** `numpy.linspace(0, frames - 1, count)`, in numpy's order of operations. */
function linspace(frames: number, count: number): number[] {
  if (count === 1) return [0];
  const step = (frames - 1) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? frames - 1 : i * step));
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
