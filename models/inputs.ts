/** What a model is shown: frames and pictures as it takes them, and their tokens. */

import { InputError } from '../engine/errors.ts';
import type { Crop, CropsOf, Size } from '../engine/geometry.ts';
import { requireObject } from '../engine/misuse.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { NewlinePlace } from '../kernels/pool.ts';
import type { ReductionStep } from './reduction-step.ts';
import type { Sample, SampledTimes } from './sampling.ts';

/** Sizes as a model takes them: of a square, or by the video's own size and how many of its frames are shown. */
export type FrameSize = number | ((source: Size, frames: number) => Size);

/** What a model wants to be shown. */
export interface FrameFormat {
  /** What frames are resized to: the side of a square in pixels, or what follows from the video. */
  readonly size: FrameSize;
  /**
   * How a frame comes to its size: `stretch`, the default, or `smooth`, which stretches as torchvision does, rounding once.
   */
  readonly fit?: 'stretch' | 'smooth';
  /** The pictures that a frame becomes, for models that take several or parts. Default: one of the size. */
  readonly pictures?: CropsOf;
  /** Whether frames should be spread evenly over the whole video. */
  readonly forceSample: boolean;
  /** Its own choice of frames. Default `sampleStrided`. */
  readonly sample?: Sample;
  /** Frames a second where nothing else is asked for. Default 1. */
  readonly fps?: number;
}

/** How the tokens of one frame lie, or of the group of frames that one picture of tokens stands for. */
export interface TokenGrid {
  /** The picture is `rows` x `columns` tokens, row by row. */
  readonly rows: number;
  readonly columns: number;
  /** Where newline tokens stand among them: after each row, after the frame, or nowhere. */
  readonly newlines: NewlinePlace;
  readonly framesPerGroup: number;
}

/** Frames as the model takes them: what `sampleVideo` makes for its `frameFormat`. */
export interface VideoFrames {
  /** Each `[height, width, 3]`, RGB in 8 bit. */
  readonly images: readonly Uint8Array[];
  /** In pixels. Default: the model's own size, where it has one. */
  readonly width?: number;
  readonly height?: number;
  /** Of every frame, whose bytes follow one another, for models that take several. */
  readonly pictures?: readonly Crop[];
  /** When they were taken, for prompts that say so. */
  readonly times: SampledTimes;
}

/** The tokens that are left of a video that was reduced before it was asked about. */
export interface Kept {
  /** In the order of the tokens, which a reducer may have changed. */
  readonly places: Uint32Array;
  /** How many there were. */
  readonly of: number;
  /** Whether they are at positions of the shortened prompt, rather than at their own. */
  readonly renumber?: boolean;
  /** What the reducer did, for reports. */
  readonly step?: ReductionStep;
}

/** A video's tokens on the GPU: made once, asked about as often as one likes. */
export interface EncodedVideo extends Disposable {
  /** `[rows, hiddenSize]`, f32. */
  readonly tokens: Tensor;
  /** As many rows each: what is added to the residual stream after the decoder's layers 0, 1, ... (deepstack). */
  readonly planes?: readonly Tensor[];
  readonly frames: number;
  /** Those of every frame. */
  readonly pictures: readonly Crop[];
  readonly times: SampledTimes;
  /** How the tokens of a group of frames lie. */
  readonly grid: TokenGrid;
  /** Groups of frames that repeat the one before, and were not encoded; absent if none. */
  readonly repeated?: number;
  /** Where a reducer has decided before any question: which of all tokens are left. */
  readonly kept?: Kept;
  /** `[tokens]`: attention that each gets in the tower; only if it was asked for. */
  readonly salience?: Float32Array;
}

/** A picture's tokens on the GPU: made once, asked about as often as one likes. */
export interface EncodedPicture extends Disposable {
  /** `[rows, hiddenSize]`, f32. */
  readonly tokens: Tensor;
  /** As of a video. */
  readonly planes?: readonly Tensor[];
  readonly crops: readonly Crop[];
  /** How the tokens of a crop lie. */
  readonly grid: TokenGrid;
}

/** What a question is about: pictures, a video after them or several, or nothing. */
export interface Inputs {
  readonly video?: EncodedVideo | readonly EncodedVideo[] | undefined;
  readonly pictures?: readonly EncodedPicture[];
}

/** What a question is about, where a video, or several, may stand for themselves. */
export type About = EncodedVideo | readonly EncodedVideo[] | Inputs;

/** @throws InputError if it is none of what it may be. */
export function inputsOf(about: About | undefined): Inputs {
  if (about !== undefined) requireObject('session', WHAT, about);
  const inputs: Inputs = about && ('tokens' in about || 'length' in about) ? { video: about } : (about ?? {});
  for (const video of videosOf(inputs))
    if (typeof video?.tokens !== 'object') throw new InputError(`session: it must be given ${WHAT}.`);
  return inputs;
}

const WHAT = 'what encode returned, several of it, or { video, pictures }';

/** The videos, in their order. */
export function videosOf({ video = [] }: Inputs): readonly EncodedVideo[] {
  return 'length' in video ? video : [video];
}

/** What is wished of sampling; the model's defaults stand behind it. */
export interface SamplingWishes {
  /** Most frames. */
  readonly frames?: number;
  /** Frames a second. */
  readonly fps?: number;
  /** Spreads the frames over the whole video, however long. */
  readonly forceSample?: boolean;
  /** Seconds between which the video is sampled. */
  readonly start?: number;
  readonly end?: number;
}

/** What a video is read from: a path or address in Node, a file or address in a page, or its bytes. */
export type VideoSource = string | URL | Uint8Array | Blob;

/** Reads videos for models, which know no files: given by the library's entries. */
export type VideoReader = (
  source: VideoSource,
  sampling: SampleSettings,
  signal: AbortSignal | undefined,
) => Promise<VideoFrames>;

/** How a video is sampled for a model: what `sampleVideo` takes. */
export interface SampleSettings extends Omit<FrameFormat, 'forceSample' | 'fps'> {
  readonly maxFrames: number;
  readonly forceSample: boolean;
  readonly fps?: number;
  readonly start?: number;
  readonly end?: number;
}
