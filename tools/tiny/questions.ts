/** Questions about a drawn clip, with the answers that its script implies. */
import { type QuestionType, WORDINGS } from '../../library/embedded-wordings.ts';
import { pick, type Random, randomStream, uniform } from '../random.ts';
import { COLORS, type Color, eventsOf, type Scene, type SceneObject, SHAPES, SIDE } from './scene.ts';

export { type QuestionType, WORDINGS } from '../../library/embedded-wordings.ts';

/** A question, its answer, and what kind of question it is. */
export interface Question {
  readonly type: string;
  readonly question: string;
  readonly answer: string;
  /** The object that one must look at to answer, if it is one. */
  readonly about?: SceneObject;
}

/** How likely a question is to be asked whose answer is that there is no such thing. */
const NOTHING_SHARE = 0.25;

/** At most one question of each type. Same seed, same questions. */
export function questionsOf(scene: Scene, seed: number): Question[] {
  const random = randomStream(seed, 'questions');
  const ask = asking<QuestionType>(random, WORDINGS);
  return [
    ...looks(scene, random, ask),
    ...motion(scene, random, ask),
    ...onsets(scene, random, ask),
    ask('bg_start', scene.background[0]),
    ask('bg_end', scene.background[1]),
    ...events(scene, random, ask),
    ...places(scene, random, ask),
    existence(scene, random, ask),
    ask('describe', description(scene)),
  ];
}

/** What the gaps in a wording are filled with. */
type Words = Partial<Record<'color' | 'shape' | 'other' | 'nth' | 'event', string>>;

/** Words a question; the gaps are filled from `words`, by default with the looks of the object. */
export type Ask<Type extends string = string> = (
  type: Type,
  answer: string,
  about?: SceneObject,
  words?: Words,
) => Question;

/** Picks one of a type's wordings for each question. */
export function asking<Type extends string>(random: Random, wordings: Readonly<Record<Type, readonly string[]>>) {
  const ask: Ask<Type> = (type, answer, about, words = about) => {
    const wording = pick<string>(random, wordings[type]);
    const question = wording.replace(/\{(\w+)\}/g, (_, key: keyof Words) => words?.[key] ?? key);
    return { type, question, answer, ...(about && { about }) };
  };
  return ask;
}

function looks({ objects }: Scene, random: Random, ask: Ask<QuestionType>): Question[] {
  const [a, b] = [pick(random, objects), pick(random, objects)];
  const number = ['zero', 'one', 'two', 'three', 'four'][objects.length] ?? String(objects.length);
  return [ask('color', a.color, a), ask('shape', b.shape, b), ask('count', number)];
}

function motion({ objects, camera }: Scene, random: Random, ask: Ask<QuestionType>): Question[] {
  const questions: Question[] = [];
  const mover = objects.find((object) => object.does === 'move');
  const flash = objects.find((object) => object.does === 'flash');
  const asksAnyway = () => uniform(random) < NOTHING_SHARE;
  // Before a camera that pans everything moves, and yet nothing does: no question then.
  if (!camera && (mover || asksAnyway())) questions.push(ask('moves', nameOf(mover), mover));
  if (mover) questions.push(ask('direction', mover.direction, mover));
  if (camera || asksAnyway()) questions.push(ask('camera', camera?.direction ?? 'it stands still'));
  if (flash || asksAnyway()) questions.push(ask('flash', nameOf(flash), flash));
  return questions;
}

function onsets({ objects }: Scene, random: Random, ask: Ask<QuestionType>): Question[] {
  const onset = (object: SceneObject) => (object.does === 'appear' || object.does === 'flash' ? object.at : 0);
  const late = objects.filter((object) => onset(object) > 0).sort((a, b) => onset(a) - onset(b));
  const [first, second, last] = [late[0], late[1], late.at(-1)];
  const questions: Question[] = [];
  if (last) questions.push(ask('last', nameOf(last), last));
  if (first && second) {
    const [a, b] = pick(random, [[first, second] as const, [second, first] as const]);
    questions.push(ask('order', `the ${first.shape}`, first, { shape: a.shape, other: b.shape }));
  }
  return questions;
}

function events(scene: Scene, random: Random, ask: Ask<QuestionType>): Question[] {
  const all = eventsOf(scene);
  if (all.length === 0 && uniform(random) >= NOTHING_SHARE) return [];
  const [first, last] = [all[0], all.at(-1)];
  return [ask('begin', first?.what ?? 'nothing', first?.object), ask('end', last?.what ?? 'nothing', last?.object)];
}

/** Only about objects that stand clearly in one quarter of the frame. */
function places({ objects, camera }: Scene, random: Random, ask: Ask<QuestionType>): Question[] {
  const middle = SIDE / 2;
  const clear = objects.filter(
    ({ does, x, y }) => does !== 'move' && Math.abs(x - middle) > 5 && Math.abs(y - middle) > 5,
  );
  if (camera || clear.length === 0) return [];
  const object = pick(random, clear);
  const { x, y } = object;
  return [ask('where', `${y < middle ? 'top' : 'bottom'} ${x < middle ? 'left' : 'right'}`, object)];
}

/** Half the time about an object that is there, else about one that differs from it in colour or shape. */
function existence({ objects }: Scene, random: Random, ask: Ask<QuestionType>): Question {
  const about = pick(random, objects);
  let { color, shape }: Pick<SceneObject, 'color' | 'shape'> = about;
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
  return ask('exist', isThere ? 'yes' : 'no', about, { color, shape });
}

/** A sentence: what moves all the time, then the events in their order. */
function description(scene: Scene): string {
  const { camera, objects } = scene;
  const mover = objects.find((object) => object.does === 'move');
  const clauses = [
    ...(camera ? [`the camera moves ${camera.direction}`] : []),
    ...(mover?.does === 'move' ? [`${nameOf(mover)} moves ${mover.direction}`] : []),
    ...eventsOf(scene).map(({ what, object }) => (object ? what.replace(`the ${object.shape}`, nameOf(object)) : what)),
  ];
  const text = clauses.length > 0 ? clauses.join(', then ') : 'nothing happens';
  return `${text[0]?.toUpperCase()}${text.slice(1)}.`;
}

/** An object by its looks, or that there is none. */
export function nameOf(object: SceneObject | undefined): string {
  return object ? `the ${object.color} ${object.shape}` : 'nothing';
}
