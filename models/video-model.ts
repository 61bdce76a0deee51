import type { Timing } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { NewlinePlace } from '../kernels/vision.ts';
import type { WeightFormat } from '../kernels/weight.ts';
import type { SampledTimes } from './chat.ts';
import type { GenerateOptions, GenerationStats } from './generate.ts';
import type { Picture, PicturesOf } from './pictures.ts';
import type { TokenReducer } from './reduction.ts';
import type { StoredMatrix } from './weights.ts';

/** What a model wants to be shown. */
export interface FrameFormat {
  /** Side of the square that frames are resized to, in pixels, unless `pictures` says otherwise. */
  readonly size: number;
  /** The pictures that a frame becomes. Default: one, stretched to the square. */
  readonly pictures?: PicturesOf;
  /** Whether frames should be spread evenly over the whole video. */
  readonly forceSample: boolean;
  /** Which frames are an even spread; media/sampling.ts says what each means. Default `ends`. */
  readonly spread?: 'ends' | 'nearest' | 'starts' | 'middles' | 'thinned';
}

/** How the tokens of one frame lie, or of the group of frames that one picture of tokens stands for. */
export interface TokenGrid {
  /** The picture is `side` x `side` tokens, row by row. */
  readonly side: number;
  /** Where newline tokens stand among them: after each row, after the frame, or nowhere. */
  readonly newlines: NewlinePlace;
  readonly framesPerGroup: number;
}

/** Frames as the model takes them. */
export interface VideoFrames {
  /** A frame's pictures one after the other, each `[height, width, 3]`, RGB in 8 bit, resized as Pillow's bicubic does. */
  readonly images: readonly Uint8Array[];
  /** Those of every frame. Default: what a square of the format's size becomes. */
  readonly pictures?: readonly Picture[];
  /** When they were taken, for prompts that say so. */
  readonly times: SampledTimes;
}

/** A video's tokens on the GPU: made once, asked about as often as one likes. */
export interface EncodedVideo extends Disposable {
  /** `[rows, hiddenSize]`, f32. */
  readonly tokens: Tensor;
  readonly frames: number;
  /** Those of every frame. */
  readonly pictures: readonly Picture[];
  readonly times: SampledTimes;
}

/** An answer being written. */
export interface Answer extends AsyncIterable<string> {
  readonly stats: GenerationStats;
}

/** A model that answers questions about videos. Immutable: `withReducer` gives another one on the same weights. */
export interface VideoModel extends Disposable {
  readonly runtime: Runtime;
  /** Where it was loaded from. */
  readonly name: string;
  readonly architecture: string;
  /** dtype of what is multiplied. */
  readonly act: 'f32' | 'f16';
  readonly weights: LoadedWeights;
  readonly layers: number;
  readonly frameFormat: FrameFormat;
  readonly tokenGrid: TokenGrid;
  readonly reducer: TokenReducer | undefined;
  /** Stored tensors that the loader did not know. */
  readonly unusedTensors: readonly string[];
  withReducer(reducer: TokenReducer | undefined): VideoModel;
  encode(frames: VideoFrames, progress?: (done: number, of: number) => void): Promise<EncodedVideo>;
  answer(video: EncodedVideo | undefined, question: string, options?: GenerateOptions): Answer;
  /**
   * Scores of every vocabulary entry as the first token of an answer, `[vocabSize]`.
   *
   * @param timed - Given the GPU times of the layers and of the scopes in them; none where the adapter has no clock.
   */
  firstLogits(
    video: EncodedVideo | undefined,
    question: string,
    timed?: (timings: readonly Timing[]) => void,
  ): Promise<Float32Array>;
}

/** What a model holds on the GPU. */
export interface LoadedWeights {
  /** Of the matrices; several if they were left as in a file that mixes them. */
  readonly formats: readonly WeightFormat[];
  readonly bytes: number;
  /** The stored matrices, which ff-convert packs. */
  readonly matrices: readonly StoredMatrix[];
}

/**
 * The format of weights on the GPU, or `auto`: as in the file. `f32` leaves them so, too, and multiplies in f32 where the
 * others multiply in f16 if the adapter can; `f16` insists on that.
 */
export const dtypes = ['auto', 'f32', 'bf16', 'f16', 'q8', 'q4'] as const;
export type ModelDType = (typeof dtypes)[number];

export interface LoadOptions {
  /** Default `auto`. */
  readonly dtype?: ModelDType;
  /** The checkpoint's own chat template, the default, or LLaVA-NeXT's `qwen_1_5`. */
  readonly chatTemplate?: 'tokenizer' | 'qwen_1_5';
  /** Told while weights load: how many bytes of how many. */
  readonly progress?: (done: number, of: number) => void;
}
