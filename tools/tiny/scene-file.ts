/** Scenes written by hand, as JSON. */
import { z } from 'zod';
import { InputError } from '../../engine/errors.ts';
import { BACKGROUNDS, COLORS, DIRECTIONS, eventsOf, INSTANTS, type Scene, SHAPES, SIDE } from './scene.ts';

const nameOf = <T extends string>(of: Readonly<Record<T, unknown>>) => z.enum(Object.keys(of) as T[]);
const units = (least: number) => z.number().min(least).max(SIDE);
const pairOf = <T extends z.ZodType>(one: T) => z.tuple([one, one]);
const instant = z.int().min(1);
const motion = { direction: nameOf(DIRECTIONS), distance: units(0) };
const looks = { color: nameOf(COLORS), shape: z.enum(SHAPES), x: units(0), y: units(0), radius: units(1) };

const sceneSchema = z.object({
  instants: z.int().min(2).max(1000).default(INSTANTS),
  objects: z
    .array(
      z.discriminatedUnion('does', [
        z.object({ does: z.literal('stay'), ...looks }),
        z.object({ does: z.enum(['appear', 'vanish']), at: instant, ...looks }),
        z.object({ does: z.literal('flash'), at: instant, until: instant, ...looks }),
        z.object({ does: z.literal('blink'), times: z.array(instant).min(1), ...looks }),
        z.object({ does: z.literal('recolor'), at: instant, to: nameOf(COLORS), ...looks }),
        z.object({ does: z.literal('move'), ...motion, ...looks }),
      ]),
    )
    .min(1),
  background: pairOf(nameOf(BACKGROUNDS)),
  camera: z.object(motion).optional(),
  zoom: z.number().min(0.1).max(10).optional(),
  shimmer: units(0).optional(),
  cut: instant.optional(),
  drift: pairOf(units(-SIDE)).default([0, 0]),
  texture: pairOf(units(0)).default([5, 5]),
  grain: units(1).default(6),
  specks: units(0).default(0),
  noise: units(0).default(0),
});

/**
 * Reads a scene.
 *
 * @param text - JSON of a {@link Scene}; what has a default may be left out.
 * @param file - Names the file in errors.
 * @throws InputError if the JSON is no scene, names something unknown, or uses a colour, shape or instant twice.
 */
export function parseScene(text: string, file: string): Scene {
  try {
    const scene = sceneSchema.parse(JSON.parse(text)) as Scene;
    const instants = scene.objects.flatMap((o) => [
      ...('at' in o ? [o.at] : []),
      ...(o.does === 'blink' ? o.times : []),
    ]);
    if ([scene.cut ?? 0, ...instants].some((at) => at >= scene.instants))
      throw new InputError(`an instant must be below ${scene.instants}, the number of instants`);
    const unique = [
      scene.objects.map((o) => o.color),
      scene.objects.map((o) => o.shape),
      eventsOf(scene).map((e) => e.at),
    ];
    if (unique.some((values) => new Set<unknown>(values).size < values.length))
      throw new InputError('colours, shapes and the instants of events must differ, or questions have two answers');
    return scene;
  } catch (cause) {
    const [issue] = cause instanceof z.ZodError ? cause.issues : [];
    const why = issue ? `${issue.path.join('.')}: ${issue.message}` : (cause as Error).message;
    throw new InputError(`${file}: ${why}.`, { cause });
  }
}
