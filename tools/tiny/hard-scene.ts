/**
 * Scripts of long clips whose questions hang on short events: small shapes that flash or blink for an instant of 32, change
 * colour, come and go, two of them at once, before a rough background that drifts and shimmers, under a camera that pans or
 * zooms. What does not change is seldom equal, and what counts is seldom there for long.
 */
import { pick, pickWeighted, type Random, randomStream, shuffle, uniform } from '../random.ts';
import {
  BACKGROUNDS,
  type Background,
  type Behaviour,
  COLORS,
  type Color,
  centreOf,
  randomMotion,
  type Scene,
  type SceneObject,
  SHAPES,
  SIDE,
  Timetable,
  touch,
} from './scene.ts';

/** Drawn instants of a clip. */
export const HARD_INSTANTS = 32;

/** From the smallest object to the largest, before the camera zooms. */
const RADIUS = [4.5, 8] as const;

/** Centres keep this far from the edge at the first and the last instant. */
const MARGIN = 7;

/** A scene of three to five objects. Same seed, same scene. */
export function randomHardScene(seed: number): Scene {
  const random = randomStream(seed, 'hard scene');
  const view = pickWeighted(random, { still: 0.45, pan: 0.2, zoom: 0.35 });
  // Drawn once: many objects seldom fit at the first attempt, and should not be rarer for it.
  const count = Number(pickWeighted(random, { 3: 0.35, 4: 0.4, 5: 0.25 }));
  for (;;) {
    const timetable = new Timetable(random);
    const scene: Scene = {
      instants: HARD_INSTANTS,
      ...(view === 'pan' && { camera: randomMotion(random, 10, 16) }),
      ...(view === 'zoom' && { zoom: uniform(random) < 0.5 ? uniform(random, 0.7, 0.8) : uniform(random, 1.25, 1.4) }),
      objects: [],
      ...randomSetting(random, timetable),
    };
    const objects = randomObjects(random, scene, count, timetable);
    if (objects) return { ...scene, objects };
  }
}

/** A still of up to six objects, small ones too: what the vision tower is trained on. Same seed, same scene. */
export function randomHardCrowd(seed: number): Scene {
  const random = randomStream(seed, 'hard crowd');
  const scene: Scene = { instants: HARD_INSTANTS, objects: [], ...randomSetting(random, new Timetable(random)) };
  const objects: SceneObject[] = [];
  for (let attempt = 0; attempt < 12 && objects.length < 6; attempt++) {
    const place = () => uniform(random, 5, SIDE - 5);
    const color = pick(random, Object.keys(COLORS) as Color[]);
    const radius = uniform(random, 3.5, 9);
    const object = { does: 'stay', x: place(), y: place(), color, shape: pick(random, SHAPES), radius } as const;
    if (!objects.some((other) => touch(scene, object, other))) objects.push(object);
  }
  return { ...scene, objects };
}

/** `undefined` if two objects would touch, leave the frame, or the events do not fit: then one tries again. */
function randomObjects(random: Random, scene: Scene, count: number, timetable: Timetable): SceneObject[] | undefined {
  const colors = shuffle(random, Object.keys(COLORS) as Color[]);
  const shapes = shuffle(random, SHAPES);
  const behaviours = randomBehaviours(random, scene, count, timetable, colors.at(-1)!);
  if (!behaviours) return undefined;
  const objects: SceneObject[] = [];
  for (const [i, does] of behaviours.entries()) {
    const place = () => uniform(random, MARGIN, SIDE - MARGIN);
    const looks = { color: colors[i]!, shape: shapes[i]!, radius: uniform(random, ...RADIUS) };
    const object: SceneObject = { ...does, ...looks, x: place(), y: place() };
    if (!staysInside(scene, object) || objects.some((other) => touch(scene, object, other))) return undefined;
    objects.push(object);
  }
  return objects;
}

function staysInside(scene: Scene, object: SceneObject): boolean {
  return [0, scene.instants - 1]
    .flatMap((instant) => [...centreOf(scene, object, instant)])
    .every((at) => at >= MARGIN && at <= SIDE - MARGIN);
}

/** One that blinks, one that flashes, one that changes colour, each often; the others come, go, stay or move. */
function randomBehaviours(
  random: Random,
  scene: Scene,
  count: number,
  timetable: Timetable,
  to: Color,
): Behaviour[] | undefined {
  const take = () => timetable.take(2, HARD_INSTANTS - 3);
  const special = [
    ...(uniform(random) < 0.6 ? (['blink'] as const) : []),
    ...(uniform(random) < 0.75 ? (['flash'] as const) : []),
    ...(uniform(random) < 0.45 ? (['recolor'] as const) : []),
    ...(!scene.camera && !scene.zoom && uniform(random) < 0.3 ? (['move'] as const) : []),
  ].slice(0, count);
  const plain = () => pickWeighted(random, { stay: 0.15, appear: 0.5, vanish: 0.35 });
  const kinds = [...special, ...Array.from({ length: count - special.length }, plain)];
  // Two things at once: one of these happens when another does.
  const atOnce = uniform(random) < 0.5;
  let shared: number | undefined;
  const behaviours: Behaviour[] = [];
  for (const does of kinds) {
    if (does === 'stay') behaviours.push({ does });
    else if (does === 'move') behaviours.push({ does, ...randomMotion(random, 20, 34) });
    else if (does === 'blink') {
      const times = Array.from({ length: Math.floor(uniform(random, 2, 6)) }, take);
      if (times.includes(undefined)) return undefined;
      behaviours.push({ does, times: (times as number[]).sort((a, b) => a - b) });
    } else {
      const there = behaviours.filter((one) => 'at' in one && one.at === shared).length;
      const at = atOnce && shared !== undefined && there < 2 ? shared : take();
      if (at === undefined) return undefined;
      shared ??= at;
      if (does === 'flash') behaviours.push({ does, at, until: at + pick(random, [1, 2]) });
      else if (does === 'recolor') behaviours.push({ does, at, to });
      else behaviours.push({ does, at });
    }
  }
  return shuffle(random, behaviours);
}

/** Four in five backgrounds are rough and drift, half of these shimmer; in the fifth only what counts changes. */
function randomSetting(random: Random, timetable: Timetable): Omit<Scene, 'instants' | 'objects' | 'camera' | 'zoom'> {
  const names = shuffle(random, Object.keys(BACKGROUNDS) as Background[]);
  const cut = uniform(random) < 0.4 ? timetable.take(4, HARD_INSTANTS - 5) : undefined;
  const lively = uniform(random) < 0.8;
  const speed = () => uniform(random, 0.2, 1.2) * pick(random, [-1, 1]);
  const rough = () => (lively ? uniform(random, 6, 20) : uniform(random, 2, 8));
  return {
    background: cut === undefined ? [names[0]!, names[0]!] : [names[0]!, names[1]!],
    ...(cut !== undefined && { cut }),
    drift: lively ? [speed(), speed()] : [0, 0],
    ...(lively && uniform(random) < 0.5 && { shimmer: uniform(random, 0.5, 2) }),
    texture: [rough(), rough()],
    grain: Math.floor(lively ? uniform(random, 8, 17) : uniform(random, 4, 9)),
    specks: Math.floor(lively ? uniform(random, 2, 9) : uniform(random, 0, 2)),
    noise: uniform(random, 0, 2.5),
  };
}
