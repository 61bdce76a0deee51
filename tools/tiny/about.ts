/** What training needs to know of the data that the tools here write. */
import { CELLS, LABELS } from './labels.ts';
import type { Prompts } from './prompts.ts';
import type { Question } from './questions.ts';
import { BACKGROUNDS, COLORS } from './scene.ts';
import type { ClipSet } from './sets.ts';

/** Side of what the model sees, in pixels. */
export const FRAME_SIDE = 64;

/** Goes into about.json beside the data. */
export function aboutTraining({ instants, wordings }: ClipSet, prompts: Prompts): object {
  const { before, answer } = prompts.idsOf('', '');
  return {
    ...{ instants, size: FRAME_SIDE, cells: CELLS, before, end: answer[0] },
    ...{ labels: LABELS, colors: Object.keys(COLORS).length, backgrounds: Object.keys(BACKGROUNDS) },
    types: Object.keys(wordings),
  };
}

/**
 * What the data say of a question: the place of its type in about.json, ids after the video, ids of the answer, and the colour of
 * the object that it is about, or -1.
 */
export function trainingIds(
  { type, question, answer, about }: Question,
  { wordings }: ClipSet,
  prompts: Prompts,
): unknown[] {
  const ids = prompts.idsOf(question, answer);
  return [Object.keys(wordings).indexOf(type), ids.after, ids.answer, about ? LABELS.indexOf(about.color) : -1];
}
