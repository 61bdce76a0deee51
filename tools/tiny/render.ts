/** The pixels of a drawn clip. */
import { gaussian, pick, type Random, randomStream, uniform } from '../random.ts';
import {
  BACKGROUNDS,
  COLORS,
  centreOf,
  colorOf,
  isVisible,
  type Rgb,
  type Scene,
  type SceneObject,
  type Shape,
  SIDE,
  scaleOf,
  shiftOf,
} from './scene.ts';

/** What a clip is drawn with. */
export interface RenderOptions {
  /** Side of a frame, in pixels. */
  readonly size: number;
  /** Fixes the textures, the noise and the exact colours. */
  readonly seed: number;
  /** How many instants to draw; default all. */
  readonly instants?: number;
}

/** An image as `[size, size, 3]`, 0 to 255 before rounding. */
type Canvas = Float32Array;

/** Draws the instants of a scene: images of `[size, size, 3]` bytes. Same seed, same bytes. */
export function renderScene(scene: Scene, { size, seed, instants = scene.instants }: RenderOptions): Uint8Array[] {
  const background = (which: 0 | 1) => textured(randomStream(seed, `background ${which}`), scene, which, size);
  const before = background(0);
  const after = scene.cut === undefined ? before : background(1);
  const colorAt = (object: SceneObject, i: number, instant: number) =>
    nearby(randomStream(seed, `paint ${i}`), COLORS[colorOf(object, instant)], 10);
  const specks = Array.from({ length: scene.specks }, (_, i) => new Speck(randomStream(seed, `speck ${i}`)));
  const noise = randomStream(seed, 'noise');
  const shimmer = randomStream(seed, 'shimmer');
  return Array.from({ length: instants }, (_, instant) => {
    const isAfter = scene.cut !== undefined && instant >= scene.cut;
    const [x, y] = shiftOf(scene, instant);
    const jump = () => (scene.shimmer ? uniform(shimmer, -scene.shimmer, scene.shimmer) : 0);
    const gone = [scene.drift[0] * instant + x + jump(), scene.drift[1] * instant + y + jump()] as const;
    const scale = scaleOf(scene, instant);
    const canvas = zoomed(shifted(isAfter ? after : before, gone, size), scale, size);
    for (const speck of specks) paint(canvas, 'circle', speck.radius, speck.centre(instant), speck.color, size);
    for (const [i, object] of scene.objects.entries())
      if (isVisible(object, instant))
        paint(
          canvas,
          object.shape,
          scale * object.radius,
          centreOf(scene, object, instant),
          colorAt(object, i, instant),
          size,
        );
    return developed(canvas, scene.noise, noise, size);
  });
}

/** Something small and grey that flies straight through, and comes in again on the other side. */
class Speck {
  readonly radius: number;
  readonly color: Rgb;
  readonly #start: readonly [number, number];
  readonly #speed: readonly [number, number];

  constructor(random: Random) {
    this.radius = uniform(random, 1.2, 2.8);
    const light = pick(random, [20, 70, 170, 240]);
    this.color = nearby(random, [light, light, light], 10);
    this.#start = [uniform(random, 0, SIDE), uniform(random, 0, SIDE)];
    const [angle, speed] = [uniform(random, 0, 2 * Math.PI), uniform(random, 1.5, 7)];
    this.#speed = [speed * Math.cos(angle), speed * Math.sin(angle)];
  }

  centre(instant: number): readonly [number, number] {
    const along = (axis: 0 | 1) => {
      const width = SIDE + 2 * this.radius;
      return modulo(this.#start[axis] + this.#speed[axis] * instant + this.radius, width) - this.radius;
    };
    return [along(0), along(1)];
  }
}

/** A background: its colour, a little off, under smooth blobs that vary more in light than in hue. */
function textured(random: Random, { background, grain, texture }: Scene, which: 0 | 1, size: number): Canvas {
  const light = Float32Array.from({ length: grain ** 2 }, () => gaussian(random));
  const grid = Float32Array.from(
    { length: 3 * grain ** 2 },
    (_, i) => light[Math.floor(i / 3)]! + 0.5 * gaussian(random),
  );
  const base = nearby(random, BACKGROUNDS[background[which]], 8);
  const amplitude = texture[which];
  return enlarge(grid, grain, size).map((blob, i) => base[i % 3]! + amplitude * blob);
}

/**
 * Enlarges `[cells, cells, 3]` to `[size, size, 3]` by Catmull-Rom splines, first along rows and then down columns. The
 * edges wrap round, so that the result can be shifted without a seam.
 */
function enlarge(grid: Float32Array, cells: number, size: number): Canvas {
  const wide = stretch(grid, { lines: cells, cells, size, step: 3, line: cells * 3 });
  return stretch(wide, { lines: size, cells, size, step: size * 3, line: 3 });
}

/** Where the samples of an image lie that is stretched along one axis: `step` apart, in lines `line` apart. */
interface Axis {
  readonly lines: number;
  readonly cells: number;
  readonly size: number;
  readonly step: number;
  readonly line: number;
}

function stretch(from: Float32Array, { lines, cells, size, step, line }: Axis): Float32Array {
  const out = new Float32Array(lines * size * 3);
  const lineOut = line === 3 ? 3 : size * 3;
  for (let i = 0; i < size; i++)
    for (const [cell, weight] of splineTaps(((i + 0.5) * cells) / size - 0.5, cells))
      for (let at = 0; at < lines; at++)
        for (let c = 0; c < 3; c++) out[at * lineOut + i * step + c]! += weight * from[at * line + cell * step + c]!;
  return out;
}

/** The four cells around `at` and their weights. @see Keys 1981, a = -1/2. */
function splineTaps(at: number, cells: number): (readonly [number, number])[] {
  const first = Math.floor(at) - 1;
  return [0, 1, 2, 3].map((tap) => {
    const d = Math.abs(at - first - tap);
    const weight = d < 1 ? 1.5 * d ** 3 - 2.5 * d ** 2 + 1 : -0.5 * d ** 3 + 2.5 * d ** 2 - 4 * d + 2;
    return [(first + tap + cells) % cells, weight];
  });
}

/** A copy of a background that has moved by some units, to whole pixels. */
function shifted(image: Canvas, [gx, gy]: readonly [number, number], size: number): Canvas {
  const pixels = (units: number) => modulo(Math.round((units * size) / SIDE), size);
  const [right, down] = [pixels(gx), pixels(gy)];
  const out = new Float32Array(image.length);
  const width = size * 3;
  for (let row = 0; row < size; row++) {
    const from = modulo(row - down, size) * width;
    out.set(image.subarray(from, from + width - right * 3), row * width + right * 3);
    out.set(image.subarray(from + width - right * 3, from + width), row * width);
  }
  return out;
}

/** An image with its middle enlarged, bilinearly; what comes in at the edges wraps round. */
function zoomed(image: Canvas, scale: number, size: number): Canvas {
  if (scale === 1) return image;
  const middle = (size - 1) / 2;
  const taps = Array.from({ length: size }, (_, i) => {
    const at = middle + (i - middle) / scale;
    const first = Math.floor(at);
    return [modulo(first, size), modulo(first + 1, size), at - first] as const;
  });
  const out = new Float32Array(image.length);
  let at = 0;
  for (const [up, down, v] of taps)
    for (const [left, right, u] of taps)
      for (let c = 0; c < 3; c++, at++) {
        const above = (1 - u) * image[(up * size + left) * 3 + c]! + u * image[(up * size + right) * 3 + c]!;
        const below = (1 - u) * image[(down * size + left) * 3 + c]! + u * image[(down * size + right) * 3 + c]!;
        out[at] = (1 - v) * above + v * below;
      }
  return out;
}

/** Signed distances from an outline of "radius" r around the origin; y points down. */
export const DISTANCE: Record<Shape, (x: number, y: number, r: number) => number> = {
  circle: (x, y, r) => Math.hypot(x, y) - r,
  square: (x, y, r) => Math.max(Math.abs(x), Math.abs(y)) - 0.88 * r,
  triangle: (x, y, r) => Math.max((Math.abs(x) - (y + r) * 0.575) * 0.867, y - 0.62 * r),
  cross: (x, y, r) => {
    const [ax, ay] = [Math.abs(x), Math.abs(y)];
    return Math.min(Math.max(ax - r, ay - 0.34 * r), Math.max(ay - r, ax - 0.34 * r));
  },
  ring: (x, y, r) => Math.abs(Math.hypot(x, y) - 0.74 * r) - 0.27 * r,
};

/** Paints a shape over the canvas; its outline covers part of a pixel. */
function paint(
  canvas: Canvas,
  shape: Shape,
  radius: number,
  [x, y]: readonly [number, number],
  color: Rgb,
  size: number,
): void {
  const scale = size / SIDE;
  const distance = DISTANCE[shape];
  // No outline reaches further than this from the centre.
  const [from, to] = [
    (centre: number) => (centre - 1.1 * radius) * scale - 1,
    (centre: number) => (centre + 1.1 * radius) * scale + 1,
  ];
  const inside = (at: number) => Math.min(size, Math.max(0, Math.round(at)));
  for (let row = inside(from(y)); row < inside(to(y)); row++)
    for (let column = inside(from(x)); column < inside(to(x)); column++) {
      const away = distance((column + 0.5) / scale - x, (row + 0.5) / scale - y, radius);
      const cover = Math.min(1, Math.max(0, 0.5 - scale * away));
      const at = (row * size + column) * 3;
      for (let c = 0; c < 3; c++) canvas[at + c]! += cover * (color[c]! - canvas[at + c]!);
    }
}

/** Adds the camera's noise and rounds to bytes. */
function developed(canvas: Canvas, noise: number, random: Random, size: number): Uint8Array {
  const bytes = new Uint8ClampedArray(canvas.length);
  const sheet = noiseSheet(size);
  const offset = Math.floor(uniform(random, 0, sheet.length));
  for (let i = 0, at = offset; i < bytes.length; i++, at = at + 1 === sheet.length ? 0 : at + 1)
    bytes[i] = canvas[i]! + noise * sheet[at]!;
  return new Uint8Array(bytes.buffer);
}

const noiseSheets = new Map<number, Float32Array>();

/** One sheet of normals serves all frames of a size, from another place each: drawing them is what would take long. */
function noiseSheet(size: number): Float32Array {
  const random = randomStream(size, 'noise sheet');
  const sheet = noiseSheets.get(size) ?? Float32Array.from({ length: size * size * 3 }, () => gaussian(random));
  noiseSheets.set(size, sheet);
  return sheet;
}

/** A colour within `spread` of `color` in each channel. */
function nearby(random: Random, color: Rgb, spread: number): Rgb {
  const [r, g, b] = color;
  const off = () => uniform(random, -spread, spread);
  return [r + off(), g + off(), b + off()];
}

function modulo(x: number, n: number): number {
  return ((x % n) + n) % n;
}
