/** The sets of drawn clips: how each is drawn, asked about and seeded. */
import { HARD_WORDINGS, hardQuestionsOf, hardTestOf } from './hard-questions.ts';
import { HARD_INSTANTS, randomHardCrowd, randomHardScene } from './hard-scene.ts';
import { type Question, questionsOf, WORDINGS } from './questions.ts';
import { INSTANTS, randomCrowd, randomScene, type Scene } from './scene.ts';
import { SEEDS } from './seeds.ts';

/** A set of clips of one kind. */
export interface ClipSet {
  /** Drawn instants of a clip. */
  readonly instants: number;
  /** The types of questions, each with its wordings. */
  readonly wordings: Readonly<Record<string, readonly string[]>>;
  readonly scene: (seed: number) => Scene;
  /** A still with many objects, for the vision tower. */
  readonly crowd: (seed: number) => Scene;
  readonly questions: (scene: Scene, seed: number) => Question[];
  /** Which of them a test asks. */
  readonly test: (questions: Question[], seed: number) => Question[];
  /** The first seed of each part. */
  readonly seeds: Readonly<Record<'train' | 'crowds' | 'validation' | 'test', number>>;
}

/** `plain` is what the embedded model is trained on; `hard` is longer, and hangs on short events. */
export const SETS = {
  plain: {
    ...{ instants: INSTANTS, wordings: WORDINGS, scene: randomScene, crowd: randomCrowd, questions: questionsOf },
    test: (questions) => questions,
    seeds: SEEDS.plain,
  },
  hard: {
    ...{ instants: HARD_INSTANTS, wordings: HARD_WORDINGS, scene: randomHardScene, crowd: randomHardCrowd },
    questions: hardQuestionsOf,
    test: hardTestOf,
    seeds: SEEDS.hard,
  },
} as const satisfies Record<string, ClipSet>;

/** What --set may be. */
export const SET_NAMES = Object.keys(SETS) as (keyof typeof SETS)[];

/** The flag that chooses a set. */
export const SET_FLAG = {
  type: 'string',
  default: 'plain',
  help: `${SET_NAMES.join(' or ')}: clips of ${INSTANTS} or ${HARD_INSTANTS} instants`,
} as const;
