import { InputError } from '../engine/errors.ts';
import { groupsOf } from './encode.ts';
import { type Inputs, videosOf } from './inputs.ts';
import { type ModelParts, spokenOf, textOf } from './model-parts.ts';
import { VIDEO_ID } from './prompt.ts';
import type { Conversation, SpokenPrompt } from './text.ts';

/**
 * Throws an `InputError` that names the number of frames that fits if a prompt has more rows than the model was made for:
 * beyond them it answers, but nonsense.
 *
 * @param inputs - What is shown, unreduced: positions are those of all rows, unless a reducer has given new ones.
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
  const remedy =
    videosOf(inputs).length > 0 ? framesThatFit(parts, conversation, inputs, rows) : 'Say less, or show less';
  throw new InputError(
    `the prompt has ${rows} rows, and ${parts.name} was made for ${contextLength} at most. ${remedy}, or insist with --allow-long (allowLong).`,
  );
}

function rowsOf({ ids }: SpokenPrompt, inputs: Inputs): number {
  const text = ids.filter((id) => id !== VIDEO_ID).length;
  const pictures = (inputs.pictures ?? []).map(({ tokens }) => tokens.shape2()[0]);
  const videos = videosOf(inputs).map(({ tokens, kept }) => (kept && !kept.renumber ? kept.of : tokens.shape2()[0]));
  return [...pictures, ...videos].reduce((sum, rows) => sum + rows, text);
}

/** Frames take equal shares of what the prompt has more than one without videos. */
function framesThatFit(parts: ModelParts, conversation: Conversation, inputs: Inputs, rows: number): string {
  const { encoder, decoder } = parts;
  const { video: _, ...others } = inputs;
  const videos = videosOf(inputs);
  const shown = spokenOf(parts, others);
  const without = rowsOf(textOf(parts).prompt({ ...conversation, shown }), others);
  const groupsUpTo = (most: number): number =>
    videos.reduce((sum, { frames }) => sum + groupsOf(Math.min(frames, most), encoder), 0);
  const perGroup = (rows - without) / groupsUpTo(Number.POSITIVE_INFINITY);
  let most = Math.max(...videos.map(({ frames }) => frames)) - 1;
  while (most > 0 && without + groupsUpTo(most) * perGroup > decoder.config.contextLength) most--;
  if (most < 1) return 'No frame fits beside what is said: say less';
  return `${most} frames${videos.length > 1 ? ' of each video' : ''} fit: use --frames ${most}`;
}
