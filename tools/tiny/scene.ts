/**
 * Scripts of short drawn clips: coloured shapes that stand still, appear, vanish, flash or move before a textured
 * background that may drift and may change, under a camera that may pan, among specks that mean nothing. The lengths are in units of 1/64 of the frame's side, the times in
 * drawn instants.
 */
import { pick, pickWeighted, type Random, randomStream, shuffle, uniform } from '../random.ts';

/** Side of a frame, in units. */
export const SIDE = 64;

/** Drawn instants of a clip of {@link randomScene}. */
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

/**
 * What an object does. It is visible from instant `at` on, before it, or from `at` to just before `until`; one that blinks at each
 * of `times`, for one instant. One that is recolored has another colour from `at` on.
 */
export type Behaviour =
  | { readonly does: 'stay' }
  | { readonly does: 'appear' | 'vanish'; readonly at: number }
  | { readonly does: 'flash'; readonly at: number; readonly until: number }
  | { readonly does: 'blink'; readonly times: readonly number[] }
  | { readonly does: 'recolor'; readonly at: number; readonly to: Color }
  | ({ readonly does: 'move' } & Motion);

/** A coloured shape with its centre at (x, y), for a mover the centre at the first instant. */
export type SceneObject = Behaviour & {
  readonly color: Color;
  readonly shape: Shape;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
};

/** A steady motion from the first instant to the last. */
export interface Motion {
  readonly direction: Direction;
  readonly distance: number;
}

/** One clip. No two objects share a colour or a shape. */
export interface Scene {
  /** How many instants are drawn. */
  readonly instants: number;
  readonly objects: readonly SceneObject[];
  /** How the camera pans: everything else moves the other way. None: it stands still. */
  readonly camera?: Motion;
  /** How large the middle of the frame is at the last instant, with 1 at the first. None: 1. */
  readonly zoom?: number;
  /** At the start and at the end. */
  readonly background: readonly [Background, Background];
  /** The first instant of the second background; none if there is but one. */
  readonly cut?: number;
  /** By how much the background moves from one instant to the next. */
  readonly drift: readonly [number, number];
  /** By how much the background jumps about at each instant, at most. None: not at all. */
  readonly shimmer?: number;
  /** Standard deviation of the backgrounds' textures, in steps of 8 bits. */
  readonly texture: readonly [number, number];
  /** Blobs of the textures along a side of the frame. */
  readonly grain: number;
  /** Small grey specks that fly through the frame. No question is about them. */
  readonly specks: number;
  /** Standard deviation of the camera's noise, in steps of 8 bits. */
  readonly noise: number;
}

/** Something that happens in a clip. */
export interface SceneEvent {
  /** The instant at which it is first seen. */
  readonly at: number;
  readonly what: string;
  /** Who does it; the background has none. */
  readonly object?: SceneObject;
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
    case 'blink':
      return object.times.includes(instant);
    default:
      return true;
  }
}

/** The colour of an object at an instant. */
export function colorOf(object: SceneObject, instant: number): Color {
  return object.does === 'recolor' && instant >= object.at ? object.to : object.color;
}

/** How far the camera has moved things across the frame by an instant. */
export function shiftOf({ camera, instants }: Scene, instant: number): readonly [number, number] {
  if (!camera) return [0, 0];
  const [dx, dy] = goneBy(camera, instant, instants);
  return [-dx, -dy];
}

/** How much larger everything is at an instant than at the first. */
export function scaleOf({ zoom = 1, instants }: Scene, instant: number): number {
  return zoom ** (instant / (instants - 1));
}

/** The centre of an object at an instant. */
export function centreOf(scene: Scene, object: SceneObject, instant: number): readonly [number, number] {
  const [sx, sy] = shiftOf(scene, instant);
  const [dx, dy] = object.does === 'move' ? goneBy(object, instant, scene.instants) : [0, 0];
  const scale = scaleOf(scene, instant);
  const seen = (at: number) => SIDE / 2 + scale * (at - SIDE / 2);
  return [seen(object.x + dx + sx), seen(object.y + dy + sy)];
}

function goneBy({ direction, distance }: Motion, instant: number, instants: number): readonly [number, number] {
  const [dx, dy] = DIRECTIONS[direction];
  const gone = (distance * instant) / (instants - 1);
  return [dx * gone, dy * gone];
}

/** What happens, in order of time. A move lasts from the first instant to the last and is no event; nor is what blinks. */
export function eventsOf(scene: Scene): SceneEvent[] {
  const verbs = { appear: 'appears', vanish: 'disappears', flash: 'flashes', recolor: 'changes color' } as const;
  const events: SceneEvent[] = scene.objects.flatMap((object) =>
    'at' in object ? [{ at: object.at, what: `the ${object.shape} ${verbs[object.does]}`, object }] : [],
  );
  if (scene.cut !== undefined) events.push({ at: scene.cut, what: 'the background changes' });
  return events.sort((a, b) => a.at - b.at);
}

/** A scene of one to four objects, at most one that moves and one that flashes. Same seed, same scene. */
export function randomScene(seed: number): Scene {
  const random = randomStream(seed, 'scene');
  const camera = uniform(random) < PAN_SHARE ? randomMotion(random, 12, 20) : undefined;
  // Drawn once: many objects seldom fit at the first attempt, and should not be rarer for it.
  const weights = camera ? { 1: 0.2, 2: 0.45, 3: 0.35, 4: 0 } : { 1: 0.1, 2: 0.3, 3: 0.35, 4: 0.25 };
  const count = Number(pickWeighted(random, weights));
  for (;;) {
    const timetable = new Timetable(random);
    const scene = { instants: INSTANTS, ...(camera && { camera }), objects: [], ...randomSetting(random, timetable) };
    const objects = randomObjects(random, scene, count, timetable);
    if (objects) return { ...scene, objects };
  }
}

/**
 * A still of many objects that may share colours and shapes: what the vision tower is trained on. Same seed, same scene.
 * Whoever cannot tell shapes in a crowd does not learn to tell them in clips.
 */
export function randomCrowd(seed: number): Scene {
  const random = randomStream(seed, 'crowd');
  const scene: Scene = { instants: INSTANTS, objects: [], ...randomSetting(random, new Timetable(random)) };
  const objects: SceneObject[] = [];
  for (let attempt = 0; attempt < 12 && objects.length < 6; attempt++) {
    const place = () => uniform(random, 6, SIDE - 6);
    const color = pick(random, Object.keys(COLORS) as Color[]);
    const one = { does: 'stay', x: place(), y: place(), color, shape: pick(random, SHAPES) } as const;
    const object = { ...one, radius: uniform(random, ...RADIUS) };
    if (!objects.some((other) => touch(scene, object, other))) objects.push(object);
  }
  return { ...scene, objects };
}

/** Share of the clips in which the camera pans. */
const PAN_SHARE = 0.2;

/** Share of the clips whose background is rough and drifts fast, with specks: few of their tokens repeat. */
const LIVELY_SHARE = 0.5;

/** From the smallest object to the largest. */
const RADIUS = [6, 9] as const;

/** Hands out instants for events, no two of them neighbours, so that the order of events can be seen. */
export class Timetable {
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
function randomObjects(random: Random, scene: Scene, count: number, timetable: Timetable): SceneObject[] | undefined {
  const colors = shuffle(random, Object.keys(COLORS) as Color[]);
  const shapes = shuffle(random, SHAPES);
  const moves = !scene.camera && uniform(random) < 0.6;
  const flashes = uniform(random) < 0.55;
  const objects: SceneObject[] = [];
  for (let i = 0; i < count; i++) {
    const plain = pickWeighted(random, { stay: 0.4, appear: 0.35, vanish: 0.25 });
    const does = i === 0 && moves ? 'move' : i === 1 && flashes ? 'flash' : plain;
    const placed = randomPlace(random, scene, does, timetable);
    if (!placed) return undefined;
    const object = { ...placed, color: colors[i]!, shape: shapes[i]!, radius: uniform(random, ...RADIUS) };
    if (objects.some((other) => touch(scene, object, other))) return undefined;
    objects.push(object);
  }
  return objects;
}

/** What objects of {@link randomScene} do. */
type Plain = Exclude<Behaviour['does'], 'blink' | 'recolor'>;

/** Centres keep this far from the edge. */
const MARGIN = 10;

function randomPlace(random: Random, scene: Scene, does: Plain, timetable: Timetable) {
  const motion = does === 'move' ? randomMotion(random, 24, 38) : undefined;
  const [goneX, goneY] = motion ? goneBy(motion, INSTANTS - 1, INSTANTS) : shiftOf(scene, INSTANTS - 1);
  const along = (gone: number) => uniform(random, MARGIN - Math.min(0, gone), SIDE - MARGIN - Math.max(0, gone));
  const [x, y] = [along(goneX), along(goneY)];
  if (motion) return { does: 'move', ...motion, x, y } as const;
  if (does === 'stay' || does === 'move') return { does: 'stay', x, y } as const;
  const at = timetable.take(2, INSTANTS - 2);
  if (at === undefined) return undefined;
  if (does !== 'flash') return { does, x, y, at };
  return { does, x, y, at, until: Math.min(INSTANTS - 1, at + pick(random, [1, 2])) };
}

/** A motion in any direction, over a distance between two. */
export function randomMotion(random: Random, least: number, most: number): Motion {
  const direction = pick(random, Object.keys(DIRECTIONS) as Direction[]);
  return { direction, distance: uniform(random, least, most) };
}

/** Whether the boxes around two objects ever come within one unit of each other, visible or not. */
export function touch(scene: Scene, a: SceneObject, b: SceneObject): boolean {
  return Array.from({ length: scene.instants }, (_, instant) => {
    const [ax, ay] = centreOf(scene, a, instant);
    const [bx, by] = centreOf(scene, b, instant);
    return Math.max(Math.abs(ax - bx), Math.abs(ay - by)) / scaleOf(scene, instant);
  }).some((gap) => gap < a.radius + b.radius + 1);
}

function randomSetting(random: Random, timetable: Timetable): Omit<Scene, 'instants' | 'objects' | 'camera'> {
  const names = shuffle(random, Object.keys(BACKGROUNDS) as Background[]);
  const cut = uniform(random) < 0.25 ? timetable.take(3, INSTANTS - 3) : undefined;
  const lively = uniform(random) < LIVELY_SHARE;
  const drifts = uniform(random) < (lively ? 0.8 : 0.3);
  const speed = () =>
    uniform(random, ...(lively ? ([0.5, 2] as const) : ([0.1, 0.4] as const))) * pick(random, [-1, 1]);
  const rough = () => uniform(random, ...(lively ? ([8, 22] as const) : ([2, 10] as const)));
  return {
    background: cut === undefined ? [names[0]!, names[0]!] : [names[0]!, names[1]!],
    ...(cut !== undefined && { cut }),
    drift: drifts ? [speed(), speed()] : [0, 0],
    texture: [rough(), rough()],
    grain: Math.floor(lively ? uniform(random, 8, 17) : uniform(random, 4, 9)),
    specks: Math.floor(lively ? uniform(random, 2, 11) : uniform(random, 0, 2)),
    noise: uniform(random, 0, 2.5),
  };
}
