/** What a user of the embedded model should know: it has only seen drawn clips, and been asked a few kinds of questions. */

import type { VideoInfo } from '../media/video.ts';
import { WORDINGS } from './embedded-wordings.ts';

/** Its name in the catalogue. */
export const EMBEDDED = 'tiny-llava-video';

/** Every clip that is drawn for it (`CLIP` of tools/tiny/encode.ts), and hardly another video. */
const DRAWN = { width: 256, height: 256, averageFps: 24, frames: 96 } as const;

/** What the command line says of what to do: the smallest model of the catalogue that has seen the world, and the questions. */
const COMMAND = {
  instead: 'use --model HuggingFaceTB/SmolVLM2-256M-Video-Instruct (256 million parameters)',
  known: '--examples prints those that it knows',
};

/** A question of each kind that the embedded model was taught, in full words. */
export function exampleQuestions(): string[] {
  return Object.values(WORDINGS).map(([wording]) => filled(wording));
}

const filled = (wording: string): string =>
  wording.replace(/\{(\w+)\}/g, (_, gap: keyof typeof EXAMPLE) => EXAMPLE[gap]);

/** Words that stand for the gaps of a wording in an example. */
const EXAMPLE = { shape: 'ring', color: 'purple', other: 'circle' } as const;

/** A question as a model is asked it, and what a user should know about that. */
export interface Wording {
  readonly question: string;
  readonly note?: string;
}

/** A line for who shows the embedded model a video that is none of its own; nothing for any other model. */
export function foreignVideoNote(
  model: string,
  video: Pick<VideoInfo, keyof typeof DRAWN>,
  { instead } = COMMAND,
): string | undefined {
  if (model !== EMBEDDED) return undefined;
  const isDrawn = (Object.keys(DRAWN) as (keyof typeof DRAWN)[]).every((key) => video[key] === DRAWN[key]);
  if (isDrawn) return undefined;
  return `${EMBEDDED} has only seen drawn clips of coloured shapes, so its answer about this video means nothing. For real videos ${instead}.`;
}

/** A question in words that the embedded model was taught, where it can be put so; for any other model as it is. */
export function askedOf(model: string, question: string, { known } = COMMAND): Wording {
  if (model !== EMBEDDED) return { question };
  const plain = plainQuestion(question);
  if (KNOWN.some((pattern) => pattern.test(plain))) return { question };
  for (const [pattern, wording] of NATURAL) {
    const found = pattern.exec(plain);
    if (!found) continue;
    const asked = wording.replace(/\{(\w+)\}/g, (_, gap: string) => found.groups?.[gap] ?? '');
    return { question: asked, note: `asked as ${JSON.stringify(asked)}, in words that the embedded model was taught` };
  }
  return { question, note: `the embedded model was not taught this question: ${known}` };
}

/** The text of `--examples`. */
export function examplesText(): string {
  return [
    `Questions that the embedded model, ${EMBEDDED}, was taught; it knows no others:`,
    ...exampleQuestions().map((question) => `  ${question}`),
    'Shapes are circle, square, triangle, cross and ring. Other models take any question.',
  ].join('\n');
}

/** Small letters, one spelling, no punctuation at the end. */
function plainQuestion(question: string): string {
  return question
    .toLowerCase()
    .replace(/colour/g, 'color')
    .replace(/\bwhat's\b/g, 'what is')
    .replace(/\s+/g, ' ')
    .replace(/^ ?(?:please )?/, '')
    .replace(/[ .?!]+$/, '');
}

const SHAPES = '(?:circle|square|triangle|cross|ring)';

/** The taught wordings, with a word in every gap. */
const KNOWN = Object.values(WORDINGS)
  .flat()
  .map((wording) =>
    plainQuestion(wording)
      .replace(/\{(?:shape|other)\}/g, SHAPES)
      .replace('{color}', '\\w+'),
  )
  .map((pattern) => new RegExp(`^${pattern}$`));

const SHAPE = `(?:the )?(?:\\w+ )?(?<shape>${SHAPES})`;
const like = (text: string): RegExp => new RegExp(text.replaceAll('SHAPE', SHAPE));

/** How else people put the same questions; the first that fits counts. */
const NATURAL: readonly (readonly [RegExp, string])[] = [
  [/^how many (?:\w+ )?(?:objects|things|shapes|items)\b/, 'How many objects are in the video?'],
  [/\bbackground\b.*\b(?:end|ends|last|finally|afterwards)\b/, 'What color is the background at the end?'],
  [/\bbackground\b/, 'What color is the background at the start?'],
  [/\bcamera\b/, 'Which way does the camera move?'],
  [like('^(?:(?:what|which) color (?:is|has)|what is the color of) SHAPE$'), 'What color is the {shape}?'],
  [
    like('^(?:which way|in (?:which|what) direction|where) (?:is|does) SHAPE (?:moving|move|going|go)\\b'),
    'Which way does the {shape} move?',
  ],
  [like('^where(?: in the \\w+)? is SHAPE\\b'), 'Where is the {shape}?'],
  [
    /^(?:is there|do you see|can you see|does the video (?:have|show)) an? (?<color>\w+) (?<shape>\w+)/,
    'Is there a {color} {shape}?',
  ],
  [/^(?:what|which) (?:object |shape |thing )?(?:is moving|moves)\b/, 'Which object moves?'],
  [/^(?:what|which) (?:object |shape |thing )?(?:is flashing|flashes|blinks|is blinking)\b/, 'Which object flashes?'],
  [/^(?:what|which) (?:object |shape |thing )?(?:appears|comes) last\b/, 'Which object appears last?'],
  [/^what (?:happens|is happening|occurs) (?:first|at (?:first|the (?:start|beginning)))\b/, 'What happens first?'],
  [/^what (?:happens|is happening|occurs) (?:last|at the end|finally)\b/, 'What happens at the end?'],
  [
    /^(?:describe|summari[sz]e|explain)\b|^what (?:happens|is happening|is (?:this|the) video about|do you see|is shown|can be seen|does the video show)\b/,
    'What happens in this video?',
  ],
];
