import type { Crop, CroppedPicture, CropsOf, Size } from '../engine/geometry.ts';
import type { PipelineUse } from '../engine/pipelines.ts';
import type { Timing } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { NewlinePlace } from '../kernels/vision.ts';
import type { WeightFormat } from '../kernels/weight.ts';
import type { SampledTimes } from './chat.ts';
import type { GenerateOptions, GenerationStats } from './generate.ts';
import type { TokenReducer } from './reduction.ts';
import type { Sample } from './sampling.ts';
import type { StoredMatrix } from './weights.ts';

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

/** A video's tokens on the GPU: made once, asked about as often as one likes. */
export interface EncodedVideo extends Disposable {
  /** `[rows, hiddenSize]`, f32. */
  readonly tokens: Tensor;
  readonly frames: number;
  /** Those of every frame. */
  readonly pictures: readonly Crop[];
  readonly times: SampledTimes;
  /** How the tokens of a group of frames lie. */
  readonly grid: TokenGrid;
}

/** A picture's tokens on the GPU: made once, asked about as often as one likes. */
export interface EncodedPicture extends Disposable {
  /** `[rows, hiddenSize]`, f32. */
  readonly tokens: Tensor;
  readonly crops: readonly Crop[];
  /** How the tokens of a crop lie. */
  readonly grid: TokenGrid;
}

/** What a question is about: a video, pictures, which come before it, or nothing. */
export interface Seen {
  readonly video?: EncodedVideo | undefined;
  readonly pictures?: readonly EncodedPicture[];
}

/** An answer being written. */
export interface Answer extends AsyncIterable<string> {
  readonly stats: GenerationStats;
}

/** A model that answers questions about videos. Immutable: `withReducer` gives another one on the same weights. */
export interface VideoModel extends Disposable {
  /** What it computes on. */
  readonly runtime: Runtime;
  /** Where it was loaded from. */
  readonly name: string;
  /** What config.json calls it. */
  readonly architecture: string;
  /** dtype of what is multiplied. */
  readonly act: 'f32' | 'f16';
  /** What it holds on the GPU. */
  readonly weights: LoadedWeights;
  /** Of the decoder. */
  readonly layers: number;
  /** What `encode` wants to be shown. */
  readonly frameFormat: FrameFormat;
  /** The crops that it wants a picture in, by its size; undefined if it takes no pictures. */
  readonly pictureFormat: CropsOf | undefined;
  /** The policy that shortens its sequences; undefined runs dense. */
  readonly reducer: TokenReducer | undefined;
  /** Stored tensors that the loader did not know. */
  readonly unusedTensors: readonly string[];
  /** The same weights under another policy; `undefined` runs dense. The model itself stays as it is. */
  withReducer(reducer: TokenReducer | undefined): VideoModel;
  /**
   * Looks at a video: its tokens stay on the GPU until they are disposed of.
   *
   * @param progress - Told how many frames of how many.
   * @throws InputError if there is no frame, or one has another size than `frameFormat` says.
   */
  encode(frames: VideoFrames, progress?: (done: number, of: number) => void): Promise<EncodedVideo>;
  /**
   * Looks at a picture.
   *
   * @param picture - In the crops of `pictureFormat`, as `cropPicture` makes them.
   * @throws InputError if the model takes no pictures or none of such a size, or there are other bytes than the crops have.
   */
  encodePicture(picture: CroppedPicture): Promise<EncodedPicture>;
  /**
   * Writes an answer, crop by crop as it is iterated; nothing is computed before.
   *
   * @param seen - What the question is about, as `encode` and `encodePicture` made it; a video may stand for itself,
   *   undefined for a question without any.
   * @throws InputError if an option is outside what is allowed, or the reducer cannot meet its budget; WeightsError if the
   *   checkpoint has no tokenizer that can be read.
   */
  answer(seen: EncodedVideo | Seen | undefined, question: string, options?: GenerateOptions): Answer;
  /**
   * Scores of every vocabulary entry as the first token of an answer, `[vocabSize]`.
   *
   * @param timed - Given the GPU times of the layers and of the scopes in them; none where the adapter has no clock.
   */
  firstLogits(
    seen: EncodedVideo | Seen | undefined,
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
/** One of `dtypes`. */
export type ModelDType = (typeof dtypes)[number];

/** How to load a model. */
export interface LoadOptions {
  /** Default `auto`. */
  readonly dtype?: ModelDType;
  /** The checkpoint's own chat template, the default, or LLaVA-NeXT's `qwen_1_5`. */
  readonly chatTemplate?: 'tokenizer' | 'qwen_1_5';
  /** Told while weights load: how many bytes of how many. */
  readonly progress?: (done: number, of: number) => void;
  /**
   * What to compile while weights load, where that is of use: that of a plan (`MemoryPlan.pipelines`), or none. Default:
   * what a short run of the dense model needs.
   */
  readonly pipelines?: readonly PipelineUse[];
}
