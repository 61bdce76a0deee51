/** Draws the bundled clip, or another: `npx tsx tools/tiny/draw-clip.ts --help`. */
import { readFile, writeFile } from 'node:fs/promises';
import { InputError } from '../../engine/errors.ts';
import { needed, oneOf, programFlags, runTool, wholeNumber } from '../flags.ts';
import { CLIP, encodeMp4, encodeSheet } from './encode.ts';
import { renderScene } from './render.ts';
import { eventsOf, type Scene } from './scene.ts';
import { parseScene } from './scene-file.ts';
import { type ClipSet, SET_FLAG, SET_NAMES, SETS } from './sets.ts';

const about = `Draws a clip, ${CLIP.fps / CLIP.hold} instants a second, and encodes it as H.264.`;

async function main(): Promise<void> {
  const flags = programFlags(about, {
    out: needed('the mp4 file to write'),
    set: SET_FLAG,
    seed: { type: 'string', default: '0', help: 'same seed, same bytes' },
    scene: { type: 'string', help: 'JSON of a scene, as tools/tiny/clip-scene.json; a random one without' },
    size: { type: 'string', default: String(CLIP.size), help: 'side of a frame in pixels, even' },
    facts: { type: 'string', help: 'writes what is to be seen, and questions with answers, as JSON' },
    sheet: { type: 'string', help: 'writes the instants on one PNG' },
  });
  const seed = wholeNumber('seed', flags.seed);
  const size = wholeNumber('size', flags.size);
  if (size < 16 || size > 2048 || size % 2 !== 0)
    throw new InputError(`--size must be an even number from 16 to 2048, got ${size}.`);
  const set = SETS[oneOf('set', flags.set, SET_NAMES)];
  const scene = flags.scene === undefined ? set.scene(seed) : await readScene(flags.scene);
  const images = renderScene(scene, { size, seed });
  const clip = await encodeMp4(images, { ...CLIP, size });
  await writeFile(flags.out, clip);
  if (flags.facts !== undefined)
    await writeFile(flags.facts, `${JSON.stringify(factsOf(scene, set, seed, size), null, 2)}\n`);
  if (flags.sheet !== undefined)
    await writeFile(flags.sheet, await encodeSheet(images, size, images.length > 12 ? 8 : 4));
  process.stdout.write(`${flags.out}: ${(clip.byteLength / 1e3).toFixed(1)} kB\n`);
}

async function readScene(file: string): Promise<Scene> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new InputError(`${file}: expected the JSON of a scene, found no readable file.`, { cause });
  });
  return parseScene(text, file);
}

/** What a clip shows, for whoever checks an answer about it. */
function factsOf(scene: Scene, set: ClipSet, seed: number, size: number): object {
  const seconds = (instant: number) => Number(((instant * CLIP.hold) / CLIP.fps).toFixed(3));
  const events = eventsOf(scene).map(({ at, what }) => ({ at, seconds: seconds(at), what }));
  return { seed, ...CLIP, size, instants: scene.instants, scene, events, questions: set.questions(scene, seed) };
}

await runTool('draw-clip', main);
