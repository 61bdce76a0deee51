/** Questions about a clip of hard-scene.ts: most of them need one short event. */
import { pick, type Random, randomStream, uniform } from '../random.ts';
import { type Ask, asking, nameOf, type Question } from './questions.ts';
import { COLORS, type Color, eventsOf, type Scene, type SceneEvent, SHAPES, SIDE } from './scene.ts';

/** The kinds of questions, each in several words. */
export const HARD_WORDINGS = {
  flash: ['Which object flashes?', 'What is visible only briefly?', 'What can be seen for a moment only?'],
  flash_color: ['What color is the {shape} that flashes?', 'Which color does the flash of the {shape} have?'],
  flash_where: ['Where does the {shape} flash?', 'In which corner does the {shape} flash?'],
  times: ['How often does the {shape} blink?', 'How many times does the {shape} blink?'],
  nth: ['What happens {nth}?', 'What is the {nth} event?', 'What is the {nth} thing that happens?'],
  after: ['What happens right after {event}?', 'What comes next after {event}?'],
  together: ['What else happens when {event}?', 'What happens at the same time as {event}?'],
  view: ['What does the camera do?', 'How does the camera move?'],
  recolor: ['Which object changes color?', 'What turns into another color?'],
  new_color: ['What color is the {shape} at the end?', 'Which color does the {shape} have in the end?'],
  last: ['Which object appears last?', 'What is the last thing to appear?', 'Which object comes in last?'],
  exist: ['Is there a {color} {shape}?', 'Can you see a {color} {shape}?', 'Does a {color} {shape} appear?'],
} as const satisfies Record<string, readonly string[]>;

type HardType = keyof typeof HARD_WORDINGS;
type HardAsk = Ask<HardType>;

const NUMBERS = ['zero', 'one', 'two', 'three', 'four', 'five'] as const;
const ORDINALS = ['first', 'second', 'third', 'fourth', 'fifth'] as const;

/** How likely a question is to be asked whose answer is that there is no such thing. */
const NOTHING_SHARE = 0.2;

/** At most one question of each type. Same seed, same questions. */
export function hardQuestionsOf(scene: Scene, seed: number): Question[] {
  const random = randomStream(seed, 'hard questions');
  const ask = asking<HardType>(random, HARD_WORDINGS);
  return [
    ...briefs(scene, random, ask),
    ...order(scene, random, ask),
    ...recolored(scene, random, ask),
    ask('view', viewOf(scene)),
    existence(scene, random, ask),
  ];
}

/** The three about the order of events are much of a kind: a test asks one of them about each clip. */
const ORDER: readonly string[] = ['nth', 'after', 'together'] satisfies HardType[];

/** What a test set asks of these questions. Same seed, same questions. */
export function hardTestOf(questions: readonly Question[], seed: number): Question[] {
  const ordered = questions.filter(({ type }) => ORDER.includes(type));
  const one = ordered.length > 0 ? pick(randomStream(seed, 'hard test'), ordered) : undefined;
  return questions.filter((question) => question === one || !ORDER.includes(question.type));
}

function briefs(scene: Scene, random: Random, ask: HardAsk): Question[] {
  const flash = scene.objects.find((object) => object.does === 'flash');
  const blink = scene.objects.find((object) => object.does === 'blink');
  const questions: Question[] = [];
  if (flash || uniform(random) < NOTHING_SHARE) questions.push(ask('flash', nameOf(flash), flash));
  if (flash) {
    questions.push(ask('flash_color', flash.color, flash));
    const [x, y] = [flash.x - SIDE / 2, flash.y - SIDE / 2];
    const isClear = !scene.camera && Math.min(Math.abs(x), Math.abs(y)) > 5;
    if (isClear) questions.push(ask('flash_where', `${y < 0 ? 'top' : 'bottom'} ${x < 0 ? 'left' : 'right'}`, flash));
  }
  if (blink?.does === 'blink') questions.push(ask('times', NUMBERS[blink.times.length]!, blink));
  return questions;
}

/** About events that are alone at their instant, unless two at once are asked about. */
function order(scene: Scene, random: Random, ask: HardAsk): Question[] {
  const events = eventsOf(scene);
  const isAlone = (event: SceneEvent) => events.every((other) => other === event || other.at !== event.at);
  const firstPair = events.findIndex((event) => !isAlone(event));
  const countable = firstPair < 0 ? events : events.slice(0, firstPair);
  const questions: Question[] = [];
  if (countable.length > 0) {
    const n = Math.floor(uniform(random, 0, countable.length));
    questions.push(ask('nth', countable[n]!.what, countable[n]!.object, { nth: ORDINALS[n] ?? '' }));
  }
  const steps = events.slice(1).map((event, i) => [events[i]!, event] as const);
  const clear = steps.filter((step) => step.every(isAlone));
  if (clear.length > 0) {
    const [before, after] = pick(random, clear);
    questions.push(ask('after', after.what, after.object, { event: before.what }));
  }
  const pairs = steps.filter(([a, b]) => a.at === b.at);
  const one = pairs.length > 0 ? pick(random, [0, 1] as const) : undefined;
  if (one !== undefined) {
    const pair = pick(random, pairs);
    questions.push(ask('together', pair[1 - one]!.what, pair[1 - one]!.object, { event: pair[one]!.what }));
  } else if (events.length > 0 && uniform(random) < NOTHING_SHARE)
    questions.push(ask('together', 'nothing', undefined, { event: pick(random, events).what }));
  const late = scene.objects.flatMap((object) => (object.does === 'appear' || object.does === 'flash' ? [object] : []));
  const last = late.sort((a, b) => a.at - b.at).at(-1);
  const blinks = scene.objects.some((object) => object.does === 'blink');
  if (last && !blinks && late.every((other) => other === last || other.at !== last.at))
    questions.push(ask('last', nameOf(last), last));
  return questions;
}

function recolored({ objects }: Scene, random: Random, ask: HardAsk): Question[] {
  const turned = objects.find((object) => object.does === 'recolor');
  if (turned?.does === 'recolor')
    return [
      ask('recolor', `the ${turned.shape}`, turned),
      ask('new_color', turned.to, { ...turned, color: turned.to }),
    ];
  return uniform(random) < NOTHING_SHARE ? [ask('recolor', 'nothing')] : [];
}

function viewOf({ camera, zoom }: Scene): string {
  if (camera) return `it moves ${camera.direction}`;
  if (zoom === undefined) return 'it stands still';
  return zoom > 1 ? 'it zooms in' : 'it zooms out';
}

/** Half the time about an object that is there, if any about one that flashes or blinks; else one that differs from it. */
function existence({ objects }: Scene, random: Random, ask: HardAsk): Question {
  const brief = objects.filter(({ does }) => does === 'flash' || does === 'blink');
  const about = pick(random, brief.length > 0 ? brief : objects.filter(({ does }) => does !== 'recolor'));
  let { color, shape } = about;
  const isThere = uniform(random) < 0.5;
  const others = <T>(all: readonly T[], one: T) => all.filter((other) => other !== one);
  if (!isThere && uniform(random) < 0.5) shape = pick(random, others(SHAPES, shape));
  else if (!isThere) color = pick(random, others(Object.keys(COLORS) as Color[], color));
  return ask('exist', isThere ? 'yes' : 'no', about, { color, shape });
}
