/** Questions about a drawn clip, with the answers that its script implies. */
import { pick, type Random, randomStream, uniform } from '../random.ts';
import { COLORS, type Color, eventsOf, type Scene, type SceneObject, SHAPES, SIDE } from './scene.ts';

/** A question, its answer, and what kind of question it is. */
export interface Question {
  readonly type: string;
  readonly question: string;
  readonly answer: string;
}

/** How likely a question is to be asked whose answer is "nothing". */
const NOTHING_SHARE = 0.25;

/** At most one question of each type. Same seed, same questions. */
export function questionsOf(scene: Scene, seed: number): Question[] {
  const random = randomStream(seed, 'questions');
  return [
    ...looks(scene, random),
    ...motion(scene, random),
    ...onsets(scene, random),
    ask('bg_start', 'What color is the background at the start?', scene.background[0]),
    ask('bg_end', 'What color is the background at the end?', scene.background[1]),
    ...ending(scene, random),
    ...places(scene, random),
    existence(scene, random),
  ];
}

function looks({ objects }: Scene, random: Random): Question[] {
  const [a, b] = [pick(random, objects), pick(random, objects)];
  const color = pick(random, [`What color is the ${a.shape}?`, `Which color does the ${a.shape} have?`]);
  const shape = pick(random, [`What shape is the ${b.color} object?`, `Which shape is ${b.color}?`]);
  const count = pick(random, ['How many objects are in the video?', 'How many shapes appear in total?']);
  const number = ['zero', 'one', 'two', 'three', 'four'][objects.length] ?? String(objects.length);
  return [ask('color', color, a.color), ask('shape', shape, b.shape), ask('count', count, number)];
}

function motion({ objects }: Scene, random: Random): Question[] {
  const questions: Question[] = [];
  const mover = objects.find((object) => object.does === 'move');
  const flash = objects.find((object) => object.does === 'flash');
  if (mover || uniform(random) < NOTHING_SHARE)
    questions.push(ask('moves', pick(random, ['Which object moves?', 'What is moving?']), nameOf(mover)));
  if (mover) {
    const { shape, direction } = mover;
    const wordings = [`Which way does the ${shape} move?`, `In which direction does the ${shape} go?`];
    questions.push(ask('direction', pick(random, wordings), direction));
  }
  if (flash || uniform(random) < NOTHING_SHARE)
    questions.push(
      ask('flash', pick(random, ['Which object flashes?', 'What is visible only briefly?']), nameOf(flash)),
    );
  return questions;
}

function onsets({ objects }: Scene, random: Random): Question[] {
  const onset = (object: SceneObject) => (object.does === 'appear' || object.does === 'flash' ? object.at : 0);
  const late = objects.filter((object) => onset(object) > 0).sort((a, b) => onset(a) - onset(b));
  const [first, second] = late;
  const questions: Question[] = [];
  if (first) {
    const wording = pick(random, ['Which object appears last?', 'What is the last thing to appear?']);
    questions.push(ask('last', wording, nameOf(late.at(-1))));
  }
  if (first && second) {
    const [a, b] = pick(random, [[first, second] as const, [second, first] as const]);
    questions.push(ask('order', `Which appears first, the ${a.shape} or the ${b.shape}?`, `the ${first.shape}`));
  }
  return questions;
}

function ending(scene: Scene, random: Random): Question[] {
  const last = eventsOf(scene).at(-1);
  if (!last && uniform(random) >= NOTHING_SHARE) return [];
  return [ask('end', pick(random, ['What happens at the end?', 'What is the last event?']), last?.what ?? 'nothing')];
}

/** Only about objects that stand clearly in one quarter of the frame. */
function places({ objects }: Scene, random: Random): Question[] {
  const middle = SIDE / 2;
  const clear = objects.filter(
    ({ does, x, y }) => does !== 'move' && Math.abs(x - middle) > 5 && Math.abs(y - middle) > 5,
  );
  if (clear.length === 0) return [];
  const { shape, x, y } = pick(random, clear);
  const answer = `${y < middle ? 'top' : 'bottom'} ${x < middle ? 'left' : 'right'}`;
  return [ask('where', `Where is the ${shape}?`, answer)];
}

/** Half the time about an object that is there, else about one that differs from it in colour or shape. */
function existence({ objects }: Scene, random: Random): Question {
  let { color, shape }: Pick<SceneObject, 'color' | 'shape'> = pick(random, objects);
  const isThere = uniform(random) < 0.5;
  if (!isThere && uniform(random) < 0.5)
    shape = pick(
      random,
      SHAPES.filter((other) => other !== shape),
    );
  else if (!isThere)
    color = pick(
      random,
      (Object.keys(COLORS) as Color[]).filter((other) => other !== color),
    );
  return ask('exist', `Is there a ${color} ${shape}?`, isThere ? 'yes' : 'no');
}

function nameOf(object: SceneObject | undefined): string {
  return object ? `the ${object.color} ${object.shape}` : 'nothing';
}

function ask(type: string, question: string, answer: string): Question {
  return { type, question, answer };
}
