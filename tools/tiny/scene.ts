/**
 * Scripts of short drawn clips: coloured shapes that stand still, appear, vanish, flash or move before a textured
 * background that may drift and may change. The lengths are in units of 1/64 of the frame's side, the times in
 * drawn instants.
 */
import { pick, pickWeighted, type Random, randomStream, shuffle, uniform } from '../random.ts';

/** Side of a frame, in units. */
export const SIDE = 64;

/** Drawn instants of a clip. */
export const INSTANTS = 12;

/** Red, green, blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** What the colours of objects are called. */
export const COLORS = {
  red: [222, 40, 40],
  green: [40, 180, 60],
  blue: [50, 80, 235],
  yellow: [240, 222, 50],
  purple: [160, 60, 205],
  orange: [246, 140, 30],
  cyan: [60, 212, 222],
} as const satisfies Record<string, Rgb>;

/** What the colours of backgrounds are called. */
export const BACKGROUNDS = {
  black: [26, 26, 28],
  white: [226, 226, 222],
  gray: [126, 126, 128],
  brown: [110, 75, 50],
  pink: [232, 172, 184],
} as const satisfies Record<string, Rgb>;

/** The ways to move, as unit vectors; y points down. */
export const DIRECTIONS = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] } as const;

/** The shapes there are. */
export const SHAPES = ['circle', 'square', 'triangle', 'cross', 'ring'] as const;

export type Color = keyof typeof COLORS;
export type Background = keyof typeof BACKGROUNDS;
export type Direction = keyof typeof DIRECTIONS;
export type Shape = (typeof SHAPES)[number];

/** What an object does. It is visible from instant `at` on, before it, or from `at` to just before `until`. */
export type Behaviour =
  | { readonly does: 'stay' }
  | { readonly does: 'appear' | 'vanish'; readonly at: number }
  | { readonly does: 'flash'; readonly at: number; readonly until: number }
  | { readonly does: 'move'; readonly direction: Direction; readonly distance: number };

/** A coloured shape with its centre at (x, y), for a mover the centre at the first instant. */
export type SceneObject = Behaviour & {
  readonly color: Color;
  readonly shape: Shape;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
};

/** One clip. No two objects share a colour or a shape, and no two events an instant. */
export interface Scene {
  readonly objects: readonly SceneObject[];
  /** At the start and at the end. */
  readonly background: readonly [Background, Background];
  /** The first instant of the second background; none if there is but one. */
  readonly cut?: number;
  /** By how much the background moves from one instant to the next. */
  readonly drift: readonly [number, number];
  /** Standard deviation of the backgrounds' textures, in steps of 8 bits. */
  readonly texture: readonly [number, number];
  /** Standard deviation of the camera's noise, in steps of 8 bits. */
  readonly noise: number;
}

/** Something that happens in a clip. */
export interface SceneEvent {
  /** The instant at which it is first seen. */
  readonly at: number;
  readonly what: string;
}

/** Whether an object is to be seen at an instant. */
export function isVisible(object: SceneObject, instant: number): boolean {
  switch (object.does) {
    case 'appear':
      return instant >= object.at;
    case 'vanish':
      return instant < object.at;
    case 'flash':
      return instant >= object.at && instant < object.until;
    default:
      return true;
  }
}

/** The centre of an object at an instant. A mover goes its distance from the first instant to the last. */
export function centreOf(object: SceneObject, instant: number): readonly [number, number] {
  if (object.does !== 'move') return [object.x, object.y];
  const [dx, dy] = DIRECTIONS[object.direction];
  const gone = (object.distance * instant) / (INSTANTS - 1);
  return [object.x + dx * gone, object.y + dy * gone];
}

/** What happens, in order of time. A move lasts from the first instant to the last and is no event. */
export function eventsOf(scene: Scene): SceneEvent[] {
  const verbs = { appear: 'appears', vanish: 'disappears', flash: 'flashes' } as const;
  const events = scene.objects.flatMap((object) =>
    'at' in object ? [{ at: object.at, what: `the ${object.shape} ${verbs[object.does]}` }] : [],
  );
  if (scene.cut !== undefined) events.push({ at: scene.cut, what: 'the background changes' });
  return events.sort((a, b) => a.at - b.at);
}

/** A scene of one to four objects, at most one that moves and one that flashes. Same seed, same scene. */
export function randomScene(seed: number): Scene {
  const random = randomStream(seed, 'scene');
  // Drawn once: four objects seldom fit at the first attempt, and should not be rarer for it.
  const count = Number(pickWeighted(random, { 1: 0.1, 2: 0.3, 3: 0.35, 4: 0.25 }));
  for (;;) {
    const timetable = new Timetable(random);
    const objects = randomObjects(random, count, timetable);
    if (objects) return { objects, ...randomSetting(random, timetable) };
  }
}

/** Hands out instants for events, no two of them neighbours, so that the order of events can be seen. */
class Timetable {
  readonly #random: Random;
  readonly #taken = new Set<number>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** An instant from `first` to `last`, or `undefined` if none is left. */
  take(first: number, last: number): number | undefined {
    const instants = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const free = instants.filter((t) => ![t - 1, t, t + 1].some((other) => this.#taken.has(other)));
    if (free.length === 0) return undefined;
    const instant = pick(this.#random, free);
    this.#taken.add(instant);
    return instant;
  }
}

/** `undefined` if two objects would touch or the events do not fit: then one tries again. */
function randomObjects(random: Random, count: number, timetable: Timetable): SceneObject[] | undefined {
  const colors = shuffle(random, Object.keys(COLORS) as Color[]);
  const shapes = shuffle(random, SHAPES);
  const moves = uniform(random) < 0.55;
  const flashes = uniform(random) < 0.55;
  const objects: SceneObject[] = [];
  for (let i = 0; i < count; i++) {
    const plain = pickWeighted(random, { stay: 0.4, appear: 0.35, vanish: 0.25 });
    const does = i === 0 && moves ? 'move' : i === 1 && flashes ? 'flash' : plain;
    const placed = randomPlace(random, does, timetable);
    if (!placed) return undefined;
    const object = { ...placed, color: colors[i]!, shape: shapes[i]!, radius: uniform(random, 6, 9) };
    if (objects.some((other) => touch(object, other))) return undefined;
    objects.push(object);
  }
  return objects;
}

/** Centres keep this far from the edge. */
const MARGIN = 10;

function randomPlace(random: Random, does: Behaviour['does'], timetable: Timetable) {
  const [x, y] = [uniform(random, MARGIN, SIDE - MARGIN), uniform(random, MARGIN, SIDE - MARGIN)];
  if (does === 'stay') return { does, x, y };
  if (does === 'move') return randomMove(random, x, y);
  const at = timetable.take(2, INSTANTS - 2);
  if (at === undefined) return undefined;
  if (does !== 'flash') return { does, x, y, at };
  return { does, x, y, at, until: Math.min(INSTANTS - 1, at + pick(random, [1, 2])) };
}

function randomMove(random: Random, x: number, y: number) {
  const direction = pick(random, Object.keys(DIRECTIONS) as Direction[]);
  const distance = uniform(random, 24, 38);
  const near = uniform(random, MARGIN, SIDE - MARGIN - distance);
  const start = direction === 'left' || direction === 'up' ? near + distance : near;
  const sideways = direction === 'left' || direction === 'right';
  return { does: 'move', direction, distance, x: sideways ? start : x, y: sideways ? y : start } as const;
}

/** Whether the boxes around two objects ever come within one unit of each other, visible or not. */
function touch(a: SceneObject, b: SceneObject): boolean {
  return Array.from({ length: INSTANTS }, (_, instant) => {
    const [ax, ay] = centreOf(a, instant);
    const [bx, by] = centreOf(b, instant);
    return Math.max(Math.abs(ax - bx), Math.abs(ay - by));
  }).some((gap) => gap < a.radius + b.radius + 1);
}

function randomSetting(random: Random, timetable: Timetable): Omit<Scene, 'objects'> {
  const names = shuffle(random, Object.keys(BACKGROUNDS) as Background[]);
  const cut = uniform(random) < 0.25 ? timetable.take(3, INSTANTS - 3) : undefined;
  const speed = () => uniform(random, 0.1, 0.4) * pick(random, [-1, 1]);
  return {
    background: cut === undefined ? [names[0]!, names[0]!] : [names[0]!, names[1]!],
    ...(cut !== undefined && { cut }),
    drift: uniform(random) < 0.3 ? [speed(), speed()] : [0, 0],
    texture: [uniform(random, 2, 10), uniform(random, 2, 10)],
    noise: uniform(random, 0, 2.5),
  };
}
