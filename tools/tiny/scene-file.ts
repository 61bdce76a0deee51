/** Scenes written by hand, as JSON. */
import { InputError } from '../../engine/errors.ts';
import {
  BACKGROUNDS,
  type Background,
  type Behaviour,
  COLORS,
  type Color,
  DIRECTIONS,
  type Direction,
  eventsOf,
  INSTANTS,
  type Motion,
  type Scene,
  type SceneObject,
  SHAPES,
  SIDE,
} from './scene.ts';

type Fields = Readonly<Record<string, unknown>>;

const BEHAVIOURS = ['stay', 'appear', 'vanish', 'flash', 'move'] as const satisfies readonly Behaviour['does'][];

/**
 * Reads a scene. What may be left out: `camera` and `cut` (none), `drift` (still), `texture` (5),
 * `grain` (6), `specks` and `noise` (0).
 *
 * @param text - JSON of a {@link Scene}.
 * @param file - Names the file in errors.
 * @throws InputError if the JSON is no scene, names something unknown, or uses a colour, shape or instant twice.
 */
export function parseScene(text: string, file: string): Scene {
  try {
    const fields = asFields(JSON.parse(text), 'a scene');
    const scene = readScene(fields);
    const unique = [
      scene.objects.map((o) => o.color),
      scene.objects.map((o) => o.shape),
      eventsOf(scene).map((e) => e.at),
    ];
    if (unique.some((values) => new Set<unknown>(values).size < values.length))
      throw new InputError('colours, shapes and the instants of events must differ, or questions have two answers');
    return scene;
  } catch (cause) {
    throw new InputError(`${file}: ${cause instanceof Error ? cause.message : cause}.`, { cause });
  }
}

function readScene(fields: Fields): Scene {
  const { objects, background, camera, cut } = fields;
  const { drift = [0, 0], texture = [5, 5], grain = 6, specks = 0, noise = 0 } = fields;
  if (!Array.isArray(objects) || objects.length === 0) throw new InputError('objects must be a list of some');
  const [first, second] = asPair(background, 'background');
  const name = (value: unknown) => asOneOf<Background>(value, Object.keys(BACKGROUNDS) as Background[], 'background');
  const pair = (value: unknown, what: string, low: number) =>
    asPair(value, what).map((one) => asNumber(one, what, low, SIDE)) as [number, number];
  return {
    objects: objects.map((object, i) => readObject(asFields(object, `objects[${i}]`))),
    background: [name(first), name(second)],
    ...(camera !== undefined && { camera: readMotion(asFields(camera, 'camera')) }),
    ...(cut !== undefined && { cut: asInstant(cut, 'cut') }),
    drift: pair(drift, 'drift', -SIDE),
    texture: pair(texture, 'texture', 0),
    grain: asNumber(grain, 'grain', 1, SIDE),
    specks: asNumber(specks, 'specks', 0, SIDE),
    noise: asNumber(noise, 'noise', 0, SIDE),
  };
}

function readObject(fields: Fields): SceneObject {
  return {
    ...readBehaviour(fields),
    color: asOneOf(fields.color, Object.keys(COLORS) as Color[], 'color'),
    shape: asOneOf(fields.shape, SHAPES, 'shape'),
    x: asNumber(fields.x, 'x', 0, SIDE),
    y: asNumber(fields.y, 'y', 0, SIDE),
    radius: asNumber(fields.radius, 'radius', 1, SIDE),
  };
}

function readBehaviour(fields: Fields): Behaviour {
  const does = asOneOf(fields.does, BEHAVIOURS, 'does');
  if (does === 'stay') return { does };
  if (does === 'move') return { does, ...readMotion(fields) };
  const at = asInstant(fields.at, 'at');
  return does === 'flash' ? { does, at, until: asInstant(fields.until, 'until') } : { does, at };
}

function readMotion({ direction, distance }: Fields): Motion {
  return {
    direction: asOneOf(direction, Object.keys(DIRECTIONS) as Direction[], 'direction'),
    distance: asNumber(distance, 'distance', 0, SIDE),
  };
}

function asFields(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null) return value as Fields;
  throw new InputError(`${what} must be an object, got ${value}`);
}

function asPair(value: unknown, what: string): readonly [unknown, unknown] {
  if (Array.isArray(value) && value.length === 2) return value as [unknown, unknown];
  throw new InputError(`${what} must be a pair, got ${JSON.stringify(value)}`);
}

function asOneOf<T extends string>(value: unknown, allowed: readonly T[], what: string): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw new InputError(`${what} must be one of ${allowed.join(', ')}, got ${JSON.stringify(value)}`);
}

function asNumber(value: unknown, what: string, low: number, high: number): number {
  if (typeof value === 'number' && value >= low && value <= high) return value;
  throw new InputError(`${what} must be a number from ${low} to ${high}, got ${JSON.stringify(value)}`);
}

function asInstant(value: unknown, what: string): number {
  if (Number.isInteger(value)) return asNumber(value, what, 1, INSTANTS - 1);
  throw new InputError(`${what} must be a whole instant, got ${JSON.stringify(value)}`);
}
