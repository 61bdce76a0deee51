/** What all copies of one loaded model share, and how a conversation becomes a prompt for its decoder. */
import { InputError, WeightsError } from '../engine/errors.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { Decoder } from './decoder/decoder.ts';
import { groupsOf, tokensPerGroup } from './encode.ts';
import { type ModelSpec, tokensIn, type VideoEncoder } from './family.ts';
import type { GenerationDefaults } from './generation-config.ts';
import { type EncodedPicture, type EncodedVideo, type Inputs, videosOf } from './inputs.ts';
import { type PromptVisual, promptTokens } from './prompt.ts';
import type { Prompt } from './reduction.ts';
import type { PromptText, Spoken } from './text.ts';
import type { WeightLoader } from './weights.ts';

/** A loaded model, apart from what is set on a copy of it. */
export interface ModelParts {
  readonly name: string;
  readonly architecture: string;
  readonly runtime: Runtime;
  readonly spec: ModelSpec;
  readonly loader: WeightLoader;
  readonly encoder: VideoEncoder;
  readonly decoder: Decoder;
  /** Or why there is none: a model without a tokenizer can still be encoded for, and checked. */
  readonly text: PromptText | WeightsError;
  readonly generation: GenerationDefaults;
  readonly unusedTensors: readonly string[];
  /** Ends when the weights are freed, for every copy of the model. */
  readonly life: { over: boolean; sound?: boolean };
}

/** @throws InputError if the model was disposed of. */
export function checkAlive({ name, life }: ModelParts): void {
  if (life.over) throw new InputError(`${name}: the model was disposed of. Load it again, or keep it longer.`);
}

/** @throws InputError if the model was disposed of; WeightsError if the checkpoint has no tokenizer that can be read. */
export function textOf(parts: ModelParts): PromptText {
  checkAlive(parts);
  const { text } = parts;
  if (text instanceof WeightsError) throw text;
  return text;
}

/**
 * Looks at a model's first scores, once in its life.
 *
 * @throws WeightsError that names a tensor, or what to do, if they are not all numbers.
 */
export async function checkScores({ name, life, loader, decoder }: ModelParts, scores: Float32Array): Promise<void> {
  if (scores.every(Number.isFinite)) {
    life.sound = true;
    return;
  }
  const tensor = await loader.firstNotFinite();
  if (tensor !== undefined)
    throw new WeightsError(
      `${name}: its scores are not numbers: there are NaNs or infinities in ${tensor}. Download the checkpoint again.`,
    );
  const remedy =
    decoder.computeDtype === 'f16'
      ? 'values outgrow f16. Use --dtype f32'
      : 'values outgrow f32. The checkpoint is damaged, or its config.json is of another model';
  throw new WeightsError(`${name}: its scores are not numbers, though its weights are: ${remedy}.`);
}

/** What is shown, as a prompt's text speaks of it. */
export function spokenOf({ encoder, spec }: ModelParts, inputs: Inputs): Spoken {
  const { pictures = [] } = inputs;
  return {
    videos: videosOf(inputs).map((video) => ({ ...video, groups: groupsOf(video.frames, encoder) })),
    pictures: pictures.map(({ crops }) => crops),
    form: spec.pictures,
  };
}

/** @throws InputError if there are more videos than the model takes in one question. */
export function checkVideos({ name, spec }: ModelParts, count: number): void {
  if (count > 1 && !spec.prompt.severalVideos)
    throw new InputError(
      `${name}: the model takes one video in a question, got ${count}. Ask about each in a question of its own.`,
    );
}

/**
 * A prompt's tokens, as `promptTokens`.
 *
 * @param ids - Token ids, with `VIDEO_ID` in every place of the pictures and then of the videos.
 * @throws InputError if what is shown was disposed of, or is another model's.
 */
export function promptOf(parts: ModelParts, rec: Recorder, ids: readonly number[], inputs: Inputs): Prompt {
  const { pictures = [] } = inputs;
  const videos = videosOf(inputs);
  for (const one of [...pictures, ...videos])
    if (one.tokens.shape2()[1] !== parts.decoder.config.hiddenSize)
      throw new InputError(
        `${parts.name}: it was shown tokens of ${one.tokens.shape2()[1]} numbers, its own have ${parts.decoder.config.hiddenSize}. Encode with the model that is asked.`,
      );
  const visuals = pictures.map((picture) => promptPicture(parts, picture, videos.length > 0));
  let firstType = 0;
  for (const video of videos) {
    const visual = promptVideo(parts, video, firstType);
    firstType += visual.perType;
    visuals.push(visual);
  }
  return promptTokens(rec, parts, ids, visuals);
}

/** @param firstType - Types of each video are its own, so that no token is compared with one of another video. */
function promptVideo({ encoder, spec }: ModelParts, video: EncodedVideo, firstType: number): PromptVisual {
  const { tokens, planes, frames, pictures, grid, kept } = video;
  const { marks, typedAfter } = spec.prompt;
  const groups = groupsOf(frames, encoder);
  const times = spec.prompt.times?.({ groups, pictures, times: video.times });
  const perGroup = tokensPerGroup(encoder, pictures);
  const places = { video: 1, group: groups, picture: groups * pictures.length }[marks];
  const types = { perType: perGroup, firstType, typedAfter };
  return { tokens, planes, kept, groups, grid, perGroup, marks: places, ...types, times };
}

function promptPicture(
  { spec }: ModelParts,
  { tokens, planes, crops, grid }: EncodedPicture,
  besideVideo: boolean,
): PromptVisual {
  const kind = besideVideo ? 'text' : (spec.pictures?.tokens ?? 'text');
  const perType = { text: 0, row: 1, frames: tokensIn(grid) }[kind];
  const marks = spec.prompt.marks === 'picture' ? crops.length : 1;
  return { tokens, planes, groups: crops.length, grid, perGroup: tokensIn(grid), marks, perType };
}
