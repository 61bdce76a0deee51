import { InputError } from '../engine/errors.ts';
import { groupsOf } from './encode.ts';
import type { Inputs } from './inputs.ts';
import { type ModelParts, spokenOf, textOf } from './model-parts.ts';
import { VIDEO_ID } from './prompt.ts';
import type { Conversation, SpokenPrompt } from './text.ts';

/**
 * Throws an `InputError` that names the number of frames that fits if a prompt has more rows than the model was made for:
 * beyond them it answers, but nonsense.
 *
 * @param inputs - What is shown, unreduced: positions are those of all rows.
 * @returns Rows that are left for an answer.
 */
export function checkContext(
  parts: ModelParts,
  prompt: SpokenPrompt,
  conversation: Conversation,
  inputs: Inputs,
): number {
  const { contextLength } = parts.decoder.config;
  const rows = rowsOf(prompt, inputs);
  if (rows <= contextLength) return contextLength - rows;
  const { video } = inputs;
  const remedy = video ? framesThatFit(parts, conversation, { ...inputs, video }, rows) : 'Say less, or show less';
  throw new InputError(
    `the prompt has ${rows} rows, and ${parts.name} was made for ${contextLength} at most. ${remedy}, or insist with --allow-long (allowLong).`,
  );
}

function rowsOf({ ids }: SpokenPrompt, { video, pictures = [] }: Inputs): number {
  const text = ids.filter((id) => id !== VIDEO_ID).length;
  const shown = [...pictures, ...(video ? [video] : [])];
  return shown.reduce((sum, { tokens }) => sum + tokens.shape2()[0], text) + (video?.kept ? removed(video.kept) : 0);
}

const removed = ({ places, of }: { readonly places: Uint32Array; readonly of: number }): number => of - places.length;

/** Frames take equal shares of what the prompt has more than one without the video. */
function framesThatFit(
  parts: ModelParts,
  conversation: Conversation,
  inputs: Inputs & { readonly video: NonNullable<Inputs['video']> },
  rows: number,
): string {
  const { video, ...others } = inputs;
  const shown = spokenOf(parts, others);
  const without = rowsOf(textOf(parts).prompt({ ...conversation, shown }), others);
  const groups = groupsOf(video.frames, parts.encoder);
  const fitting = Math.floor((parts.decoder.config.contextLength - without) / ((rows - without) / groups));
  const frames = Math.min(video.frames - 1, Math.max(0, fitting) * parts.encoder.framesPerGroup);
  if (frames < 1) return 'No frame fits beside what is said: say less';
  return `${frames} frames fit: use --frames ${frames}`;
}
