import type { CheckpointFiles } from '../checkpoint/safetensors.ts';
import type { Crop, CropsOf, Size } from '../engine/geometry.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Grid } from '../kernels/merge-patches.ts';
import type { ConfigReader } from './config.ts';
import type { DecoderConfig } from './decoder/config.ts';
import type { Decoder } from './decoder/decoder.ts';
import type { DecoderNames } from './decoder/names.ts';
import type { FrameFormat, TokenGrid } from './inputs.ts';
import type { Normalisation } from './preprocess.ts';
import type { SampledTimes } from './sampling.ts';
import type { SalienceWatch } from './tower/tower.ts';
import type { WeightLoader } from './weights.ts';

/** What one family of models has of its own; `VideoModel` is what all share. docs/adapt.md is the guide to a new one. */
export interface Family {
  /** As config.json names them. */
  readonly architectures: readonly string[];
  /**
   * Reads the configs of a checkpoint, and no weights.
   *
   * @throws WeightsError if a key is missing, of the wrong type, or asks for what is not built.
   */
  spec(config: ConfigReader, files: CheckpointFiles): Promise<ModelSpec> | ModelSpec;
}

/** A part of a tensor's name, and what stands in its place elsewhere. */
export type NameChange = readonly [from: RegExp, to: string];

/** A family's model as its configs describe it. */
export interface ModelSpec {
  readonly decoder: DecoderConfig;
  readonly decoderNames: DecoderNames;
  readonly frameFormat: FrameFormat;
  readonly pixels: Normalisation;
  readonly prompt: PromptForm;
  /** For families that take pictures. */
  readonly pictures?: PictureForm;
  /** How other libraries prepare videos and pictures for the same model, by their names. */
  readonly otherProcessors?: Readonly<Record<string, Processor>>;
  /** Last rows of the prompt whose attention ranks tokens for pruning; 1 if absent. */
  readonly scoreRows?: number;
  /** Ids that end an answer, besides those of generation_config.json. */
  readonly stopIds: readonly number[];
  /** How names of other releases of its library become those that it asks for, one replacement after the other. */
  readonly otherNames?: readonly NameChange[];
  /** Stored tensors that the model does not use, and need not be warned of. */
  readonly unusedTensors: readonly RegExp[];
  /** Folders of the weights, for families that keep parts apart; the checkpoint's own if absent. */
  readonly weightFolders?: readonly string[];
  /** Folder of the tokenizer and generation_config.json. */
  readonly textFolder?: string;
  /**
   * Loads what makes tokens of pixels.
   *
   * @param computeDtype - dtype of what is multiplied.
   * @param decoder - Loaded, for families whose video has embeddings of text in it.
   * @throws WeightsError if a tensor is missing or does not fit.
   */
  loadEncoder(loader: WeightLoader, computeDtype: 'f32' | 'f16', decoder: Decoder): Promise<VideoEncoder>;
}

/** How a library prepares videos and pictures, where it is not the family's choice. */
export interface Processor {
  readonly frameFormat: FrameFormat;
  readonly crops?: CropsOf;
}

/** How a family is shown pictures. */
export interface PictureForm {
  /**
   * The crops that a picture of a size is shown in, which all become as many tokens. It throws InputError if the model
   * takes none of such a size.
   */
  readonly crops: CropsOf;
  /**
   * What the user says before the question, with `VIDEO_MARK` in the place of each picture, or of each of its crops where
   * the pictures of a frame have marks of their own, too.
   *
   * @param pictures - The crops of each.
   */
  lead(pictures: readonly (readonly Crop[])[]): string;
  /**
   * What a reducer takes a picture's tokens for, where there is no video: `frames` (a token's type is its place in its
   * crop), `row` (all are of one type, so that neighbours are compared), or `text`. Beside a video they are text.
   */
  readonly tokens: 'frames' | 'row' | 'text';
}

/** The GPU road from pixels to visual tokens. Frames become tokens in groups: one at a time, or several as one. */
export interface VideoEncoder {
  /** Frames that one group of tokens stands for. */
  readonly framesPerGroup: number;
  /** The same for the crops of a picture, where that differs; one alone stands in for its whole group. */
  readonly still?: VideoEncoder;
  /** How the tokens of a group of frames of a size lie; towers of one size need not look at it. */
  tokenGrid(size: Size): TokenGrid;
  /**
   * Patches of a frame, where each token stands for the patches of its part of the frame: what salience needs. Absent where
   * tokens have no place in the frame.
   */
  patchGrid?(size: Size): Grid;
  /** `[1, outSize]`: a vector after the whole video, which counts as text, for families that have one. */
  readonly finalToken?: Tensor | undefined;
  /** How many planes come with the tokens; default 0. */
  readonly planes?: number;
  /**
   * @param pixels - `[frames, 3, height, width]`, f32, normalised; whole groups.
   * @param watch - Given the attention in the tower's last layer; only for encoders with a `patchGrid`.
   * @returns The tokens, `[groups * tokensIn(grid), outSize]`, f32; the place of one in its group is its patch type. After them
   *   the planes, each with a row for every token, which is added to the residual stream after the decoder's layer of its
   *   number.
   */
  forward(rec: Recorder, pixels: Tensor, watch?: SalienceWatch): readonly [tokens: Tensor, ...planes: Tensor[]];
}

/** Tokens of a group, newlines included. */
export function tokensIn({ rows, columns, newlines }: TokenGrid): number {
  return rows * columns + { row: rows, frame: 1, none: 0 }[newlines];
}

/** A video as far as a prompt's text speaks of it. */
export interface SpokenVideo {
  readonly groups: number;
  /** Those of every frame. */
  readonly pictures: readonly Crop[];
  readonly times: SampledTimes;
}

/** What a template of the checkpoint's own writes in the place of a video or a picture, whose tokens come there. */
export interface ShownMarks {
  readonly video: string;
  /** For families that take pictures, one mark each. */
  readonly image?: string;
}

/** How a family is asked. */
export interface PromptForm {
  /** Jinja source of its conversation, which takes `messages` as Hugging Face's templates do. */
  readonly template: string;
  /**
   * How a template of the checkpoint's own is used, where there is one: with the content of a message as a text, in parts of
   * which some are shown, or not at all.
   */
  readonly ownTemplate: false | 'text' | ShownMarks;
  /** Special token before all text, as the tokenizer's class puts it there. */
  readonly begin?: string;
  /** What a repetition costs where generation_config.json says nothing; default 1, nothing. */
  readonly repetitionPenalty?: number;
  /** Whether the reference's `generate` is given the prompt's ids, too, and so penalises repeating them. */
  readonly penalisesPrompt?: boolean;
  /** A special token of models that are spoken to in another way: with it, a checkpoint must have a template of its own. */
  readonly notWith?: string;
  /**
   * Whether the video's tokens stand together, or each group's, or each of a frame's pictures', at a mark of its own; with
   * `picture` each crop of a picture has one, too.
   */
  readonly marks: 'video' | 'group' | 'picture';
  /**
   * For families whose text between groups has patch types as the video's tokens have, counted through from one group to
   * the next: how many tokens of text have one after the last. Absent where such text has none.
   */
  readonly typedAfter?: number;
  /** Whether a question may be about several videos, which are shown one after the other; default false. */
  readonly severalVideos?: boolean;
  /** What the user says before the question, with `VIDEO_MARK` in every place of the video; of several, before each. */
  lead(video: SpokenVideo): string;
  /**
   * When each group of a video is, for decoders with positions in time: whole numbers from 0 on, ascending. Absent: one after
   * the other.
   */
  times?(video: SpokenVideo): readonly number[];
  /** Special tokens that end an answer. */
  readonly stopTokens: readonly string[];
}

/** What a checkpoint is, by its configs. */
export interface SpecifiedModel {
  /** What config.json calls it. */
  readonly architecture: string;
  readonly spec: ModelSpec;
}
