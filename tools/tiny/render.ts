/** The pixels of a drawn clip. */
import { gaussian, type Random, randomStream, uniform } from '../random.ts';
import {
  BACKGROUNDS,
  type Background,
  COLORS,
  centreOf,
  INSTANTS,
  isVisible,
  type Rgb,
  type Scene,
  type SceneObject,
  type Shape,
  SIDE,
} from './scene.ts';

/** What a clip is drawn with. */
export interface RenderOptions {
  /** Side of a frame, in pixels. */
  readonly size: number;
  /** Fixes the textures, the noise and the exact colours. */
  readonly seed: number;
}

/** An image as `[size, size, 3]`, 0 to 255 before rounding. */
type Canvas = Float32Array;

/** Draws every instant of a scene: `INSTANTS` images of `[size, size, 3]` bytes. Same seed, same bytes. */
export function renderScene(scene: Scene, { size, seed }: RenderOptions): Uint8Array[] {
  const [before, after] = scene.background.map((name, i) =>
    textured(randomStream(seed, `background ${i}`), name, scene.texture[i]!, size),
  ) as [Canvas, Canvas];
  const paints = scene.objects.map((_, i) => randomStream(seed, `paint ${i}`));
  const colors = scene.objects.map(({ color }, i) => nearby(paints[i]!, COLORS[color], 10));
  const noise = randomStream(seed, 'noise');
  return Array.from({ length: INSTANTS }, (_, instant) => {
    const isAfter = scene.cut !== undefined && instant >= scene.cut;
    const canvas = shifted(isAfter ? after : before, scene.drift, instant, size);
    for (const [i, object] of scene.objects.entries())
      if (isVisible(object, instant)) paint(canvas, object, centreOf(object, instant), colors[i]!, size);
    return developed(canvas, scene.noise, noise);
  });
}

/** A background: its colour, a little off, under smooth blobs that vary more in light than in hue. */
function textured(random: Random, name: Background, amplitude: number, size: number): Canvas {
  const cells = 4 + Math.floor(uniform(random, 0, 5));
  const grey = Array.from({ length: cells ** 2 }, () => gaussian(random));
  const grid = grey.flatMap((light) => [0, 1, 2].map(() => light + 0.5 * gaussian(random)));
  const base = nearby(random, BACKGROUNDS[name], 8);
  return enlarge(grid, cells, size).map((blob, i) => base[i % 3]! + amplitude * blob);
}

/**
 * Enlarges `[cells, cells, 3]` to `[size, size, 3]` by Catmull-Rom splines. The edges wrap round, so that the result
 * can be shifted without a seam.
 */
function enlarge(grid: readonly number[], cells: number, size: number): Canvas {
  const taps = Array.from({ length: size }, (_, i) => splineTaps(((i + 0.5) * cells) / size - 0.5, cells));
  const out = new Float32Array(size * size * 3);
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++)
      for (const [y, wy] of taps[row]!)
        for (const [x, wx] of taps[column]!)
          for (let c = 0; c < 3; c++) out[(row * size + column) * 3 + c]! += wy * wx * grid[(y * cells + x) * 3 + c]!;
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

/** `background` where its drift has taken it, to the whole pixel. */
function shifted(background: Canvas, drift: readonly [number, number], instant: number, size: number): Canvas {
  const [dx, dy] = drift.map((speed) => wrap(Math.round((speed * instant * size) / SIDE), size)) as [number, number];
  const out = new Float32Array(background.length);
  for (let row = 0; row < size; row++) {
    const from = background.subarray(row * size * 3, (row + 1) * size * 3);
    const to = wrap(row + dy, size) * size * 3;
    out.set(from.subarray(0, (size - dx) * 3), to + dx * 3);
    out.set(from.subarray((size - dx) * 3), to);
  }
  return out;
}

function wrap(value: number, size: number): number {
  return ((value % size) + size) % size;
}

/** Distance from a point to the outline of a shape of radius `r` at the origin, negative inside. y points down. */
const DISTANCE: Record<Shape, (x: number, y: number, r: number) => number> = {
  circle: (x, y, r) => Math.hypot(x, y) - r,
  square: (x, y, r) => Math.max(Math.abs(x), Math.abs(y)) - 0.88 * r,
  triangle: (x, y, r) => Math.max((Math.abs(x) - (y + r) * 0.575) * 0.867, y - 0.62 * r),
  cross: (x, y, r) => {
    const [ax, ay] = [Math.abs(x), Math.abs(y)];
    return Math.min(Math.max(ax - r, ay - 0.34 * r), Math.max(ay - r, ax - 0.34 * r));
  },
  ring: (x, y, r) => Math.abs(Math.hypot(x, y) - 0.74 * r) - 0.27 * r,
};

/** Paints an object over the canvas; its outline covers part of a pixel. */
function paint(
  canvas: Canvas,
  { shape, radius }: SceneObject,
  [x, y]: readonly [number, number],
  color: Rgb,
  size: number,
): void {
  const scale = size / SIDE;
  const distance = DISTANCE[shape];
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      const away = distance((column + 0.5) / scale - x, (row + 0.5) / scale - y, radius);
      const cover = Math.min(1, Math.max(0, 0.5 - scale * away));
      const at = (row * size + column) * 3;
      for (let c = 0; c < 3; c++) canvas[at + c]! += cover * (color[c]! - canvas[at + c]!);
    }
}

/** Adds the camera's noise and rounds to bytes. */
function developed(canvas: Canvas, noise: number, random: Random): Uint8Array {
  const bytes = new Uint8ClampedArray(canvas.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = canvas[i]! + (noise > 0 ? noise * gaussian(random) : 0);
  return new Uint8Array(bytes.buffer);
}

/** A colour within `spread` of `color` in each channel. */
function nearby(random: Random, color: Rgb, spread: number): Rgb {
  const [r, g, b] = color;
  const off = () => uniform(random, -spread, spread);
  return [r + off(), g + off(), b + off()];
}
