/** What training needs to know of the data that the tools here write. */
import { CELLS, LABELS } from './labels.ts';
import type { Prompts } from './prompts.ts';
import { WORDINGS } from './questions.ts';
import { BACKGROUNDS, COLORS, INSTANTS } from './scene.ts';

/** Side of what the model sees, in pixels. */
export const EYE_SIZE = 64;

/** Goes into about.json beside the data. */
export function aboutTraining(prompts: Prompts): object {
  const { before, answer } = prompts.idsOf('', '');
  return {
    ...{ instants: INSTANTS, size: EYE_SIZE, cells: CELLS, before, end: answer[0] },
    ...{ labels: LABELS, colors: Object.keys(COLORS).length, backgrounds: Object.keys(BACKGROUNDS) },
    types: Object.keys(WORDINGS),
  };
}

/** How the data name a kind of question: its place among the types of about.json. */
export function typeIndex(type: string): number {
  return Object.keys(WORDINGS).indexOf(type);
}
