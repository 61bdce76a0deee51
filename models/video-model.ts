import type { Timing } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { NewlinePlace } from '../kernels/vision.ts';
import type { WeightFormat } from '../kernels/weight.ts';
import type { SampledTimes } from './chat.ts';
import type { GenerateOptions, GenerationStats } from './generate.ts';
import type { TokenReducer } from './reduction.ts';
import type { StoredMatrix } from './weights.ts';

/** What a model wants to be shown. */
export interface FrameFormat {
  /** Side of the square that frames are resized to, in pixels. */
  readonly size: number;
  /** How a frame becomes a square: `stretch`, the default, or `crop` what is left over after its shorter side fits. */
  readonly fit?: 'stretch' | 'crop';
  /** Whether frames should be spread evenly over the whole video. */
  readonly forceSample: boolean;
  /** Which frames are an even spread; media/sampling.ts says what each means. Default `ends`. */
  readonly spread?: 'ends' | 'nearest' | 'starts' | 'middles';
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
  /** Each `[size, size, 3]`, RGB in 8 bit, resized as Pillow's bicubic does. */
  readonly images: readonly Uint8Array[];
  /** When they were taken, for prompts that say so. */
  readonly times: SampledTimes;
}

/** A video's tokens on the GPU: made once, asked about as often as one likes. */
export interface EncodedVideo extends Disposable {
  /** `[rows, hiddenSize]`, f32. */
  readonly tokens: Tensor;
  readonly frames: number;
  readonly times: SampledTimes;
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
  /** What `encode` makes of it. */
  readonly tokenGrid: TokenGrid;
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
   * Writes an answer, piece by piece as it is iterated; nothing is computed before.
   *
   * @param video - As `encode` made it; undefined for a question without one.
   * @throws InputError if an option is outside what is allowed, or the reducer cannot meet its budget; WeightsError if the
   *   checkpoint has no tokenizer that can be read.
   */
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
}
