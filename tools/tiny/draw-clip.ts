/** Draws the bundled clip, or another: `npx tsx tools/tiny/draw-clip.ts --help`. */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { InputError } from '../../engine/errors.ts';
import { runTool, wholeNumber } from '../flags.ts';
import { CLIP, encodeMp4, encodeSheet } from './encode.ts';
import { questionsOf } from './questions.ts';
import { renderScene } from './render.ts';
import { eventsOf, INSTANTS, randomScene, type Scene } from './scene.ts';
import { parseScene } from './scene-file.ts';

const HELP = `Draws a clip of ${INSTANTS} instants in ${(INSTANTS * CLIP.hold) / CLIP.fps} s and encodes it as H.264.

  npx tsx tools/tiny/draw-clip.ts --out FILE.mp4 [options]

  --seed N        same seed, same bytes   [0]
  --scene FILE    JSON of a scene, as tools/tiny/clip-scene.json; a random one without
  --size N        side of a frame in pixels, even   [${CLIP.size}]
  --facts FILE    writes what is to be seen, and questions with answers, as JSON
  --sheet FILE    writes the instants on one PNG
`;

async function main(): Promise<void> {
  const flags = parse();
  if (flags.help) return void process.stdout.write(HELP);
  if (flags.out === undefined) throw new InputError('--out must name the file to write; --help lists the options.');
  const seed = wholeNumber('seed', flags.seed);
  const size = wholeNumber('size', flags.size);
  if (size < 16 || size > 2048 || size % 2 !== 0)
    throw new InputError(`--size must be an even number from 16 to 2048, got ${size}.`);
  const scene = flags.scene === undefined ? randomScene(seed) : await readScene(flags.scene);
  const images = renderScene(scene, { size, seed });
  const clip = await encodeMp4(images, { ...CLIP, size });
  await writeFile(flags.out, clip);
  if (flags.facts !== undefined)
    await writeFile(flags.facts, `${JSON.stringify(factsOf(scene, seed, size), null, 2)}\n`);
  if (flags.sheet !== undefined) await writeFile(flags.sheet, await encodeSheet(images, size, 4));
  process.stdout.write(`${flags.out}: ${(clip.byteLength / 1e3).toFixed(1)} kB\n`);
}

function parse() {
  const text = { type: 'string' } as const;
  const files = { out: text, scene: text, facts: text, sheet: text };
  const numbers = { seed: { ...text, default: '0' }, size: { ...text, default: String(CLIP.size) } };
  return parseArgs({ options: { help: { type: 'boolean', short: 'h' }, ...files, ...numbers } }).values;
}

async function readScene(file: string): Promise<Scene> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new InputError(`${file}: expected the JSON of a scene, found no readable file.`, { cause });
  });
  return parseScene(text, file);
}

/** What a clip shows, for whoever checks an answer about it. */
function factsOf(scene: Scene, seed: number, size: number): object {
  const seconds = (instant: number) => Number(((instant * CLIP.hold) / CLIP.fps).toFixed(3));
  const events = eventsOf(scene).map(({ at, what }) => ({ at, seconds: seconds(at), what }));
  return { seed, ...CLIP, size, instants: INSTANTS, scene, events, questions: questionsOf(scene, seed) };
}

await runTool('draw-clip', main);
