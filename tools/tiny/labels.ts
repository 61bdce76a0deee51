/** What is where in a drawn clip: labels for training, which the model itself never sees. */
import { DISTANCE } from './render.ts';
import {
  COLORS,
  centreOf,
  colorOf,
  DIRECTIONS,
  isVisible,
  type Scene,
  type SceneObject,
  SHAPES,
  SIDE,
  scaleOf,
} from './scene.ts';

/** Cells along a side of the frame: one for each token that a frame becomes. */
export const CELLS = 4;

/** Names of the bits of a label. */
export const LABELS = [
  ...Object.keys(COLORS),
  ...SHAPES,
  ...['appears', 'disappears', 'ends a flash'],
  ...Object.keys(DIRECTIONS).map((direction) => `moves ${direction}`),
  'changes color',
] as const;

/** An object is in a cell if it covers more than this share of it. */
const COVERS = 0.06;

/**
 * The labels of each cell at each instant.
 *
 * @returns `[instants, CELLS, CELLS]`, a bit for each of {@link LABELS}.
 */
export function labelsOf(scene: Scene, instants = scene.instants): Uint32Array {
  const labels = new Uint32Array(instants * CELLS * CELLS);
  const bit = (name: string) => 1 << LABELS.indexOf(name);
  for (const object of scene.objects) {
    let seen: readonly number[] = [];
    for (let instant = 0; instant < instants; instant++) {
      const first = instant * CELLS * CELLS;
      const was = instant > 0 && isVisible(object, instant - 1);
      if (isVisible(object, instant)) {
        seen = cellsOf(scene, object, instant);
        const moves = object.does === 'move' && instant > 0 ? bit(`moves ${object.direction}`) : 0;
        const comes = instant > 0 && !was ? bit('appears') : 0;
        const turns = object.does === 'recolor' && instant === object.at ? bit('changes color') : 0;
        const looks = bit(colorOf(object, instant)) | bit(object.shape);
        for (const cell of seen) labels[first + cell]! |= looks | moves | comes | turns;
      } else if (was) {
        const goes = bit(object.does === 'flash' || object.does === 'blink' ? 'ends a flash' : 'disappears');
        for (const cell of seen) labels[first + cell]! |= goes;
      }
    }
  }
  return labels;
}

/** The cells that an object is in, counted in whole units. */
function cellsOf(scene: Scene, object: SceneObject, instant: number): number[] {
  const [x, y] = centreOf(scene, object, instant);
  const radius = scaleOf(scene, instant) * object.radius;
  const covered = new Float64Array(CELLS * CELLS);
  const side = SIDE / CELLS;
  const range = (centre: number) => [
    Math.max(0, Math.floor(centre - 1.1 * radius)),
    Math.min(SIDE, Math.ceil(centre + 1.1 * radius)),
  ];
  const [top, bottom] = range(y) as [number, number];
  const [left, right] = range(x) as [number, number];
  for (let row = top; row < bottom; row++)
    for (let column = left; column < right; column++)
      if (DISTANCE[object.shape](column + 0.5 - x, row + 0.5 - y, radius) < 0)
        covered[Math.floor(row / side) * CELLS + Math.floor(column / side)]! += 1 / side ** 2;
  return Array.from(covered.keys()).filter((cell) => covered[cell]! > COVERS);
}
