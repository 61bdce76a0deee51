/** Draws what the embedded model is trained on. `npx tsx tools/tiny/draw-training.ts --help`. */
import { spawn } from 'node:child_process';
import { type FileHandle, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../engine/errors.ts';
import { openVideo } from '../../media/open-video.ts';
import { resize } from '../../media/resize.ts';
import { needed, oneOf, programFlags, runTool, wholeNumber } from '../flags.ts';
import { randomStream, uniform } from '../random.ts';
import { aboutTraining, FRAME_SIDE, trainingIds } from './about.ts';
import { BT601 } from './encode.ts';
import { CELLS, labelsOf } from './labels.ts';
import { openPrompts } from './prompts.ts';
import type { Question } from './questions.ts';
import { renderScene } from './render.ts';
import { BACKGROUNDS, type Scene } from './scene.ts';
import { type ClipSet, SET_FLAG, SET_NAMES, SETS } from './sets.ts';

/** Pictures on one mp4, at most: they fit one run of the decoder. */
const REEL = 960;

/** Frames that each instant is shown for. */
const HOLD = 2;

/** Draws of the questions about each clip: other objects, other words. */
const DRAWS = 3;

const KINDS = ['clips', 'crowds'] as const;

const about = `Draws clips, encodes them as H.264 with an installed ffmpeg, reads them back as the product does, and writes
the frames with labels and questions for tools/tiny/training/train.py: frames.u8 [clips, instants, ${FRAME_SIDE}, ${FRAME_SIDE}, 3],
labels.u32 [clips, instants, ${CELLS * CELLS}], backgrounds.u8 [clips, instants], questions.jsonl, about.json.`;

/** One record: the pictures of a clip, and what is on them. */
interface Clip {
  readonly images: readonly Uint8Array[];
  readonly labels: Uint32Array;
  readonly backgrounds: Uint8Array;
  readonly questions: readonly Question[];
}

async function main(): Promise<void> {
  const flags = programFlags(about, {
    set: SET_FLAG,
    kind: { type: 'string', default: 'clips', help: 'clips: scenes with questions; crowds: as many stills each' },
    from: {
      type: 'string',
      default: '0',
      help: 'the first of them; two ranges can be drawn at once, into two folders',
    },
    to: { type: 'string', default: '80', help: 'the one behind the last' },
    tokenizer: needed('a folder of make-tokenizer.ts'),
    out: needed('the folder to write'),
  });
  const set = SETS[oneOf('set', flags.set, SET_NAMES)];
  const kind = oneOf('kind', flags.kind, KINDS);
  const [from, to] = [wholeNumber('from', flags.from), wholeNumber('to', flags.to)];
  if (to <= from) throw new InputError(`--to must be above --from ${from}, got ${to}.`);
  const prompts = await openPrompts(flags.tokenizer);
  const { out } = flags;
  await mkdir(out, { recursive: true });
  await writeFile(
    join(out, 'about.json'),
    `${JSON.stringify({ kind, from, to, ...aboutTraining(set, prompts) }, null, 1)}\n`,
  );
  const files = await Promise.all(
    ['frames.u8', 'labels.u32', 'backgrounds.u8', 'questions.jsonl'].map((name) => open(join(out, name), 'w')),
  );
  const [frames, labels, backgrounds, questions] = files as [FileHandle, FileHandle, FileHandle, FileHandle];
  const clipsAReel = Math.floor(REEL / set.instants);
  for (let first = from; first < to; first += clipsAReel) {
    // Larger than the model sees them, and not always alike.
    const size = uniform(randomStream(first, 'reel')) < 0.75 ? 128 : 192;
    const clips = Array.from({ length: Math.min(clipsAReel, to - first) }, (_, i) => drawn(set, kind, first + i, size));
    await frames.write(await filmed(clips, set.instants, size, join(out, 'reel.mp4')));
    for (const clip of clips) {
      await labels.write(new Uint8Array(clip.labels.buffer));
      await backgrounds.write(clip.backgrounds);
      await questions.write(
        `${JSON.stringify(clip.questions.map((question) => trainingIds(question, set, prompts)))}\n`,
      );
    }
    process.stderr.write(`\r${first + clips.length - from} of ${to - from}`);
  }
  process.stderr.write('\n');
  await Promise.all(files.map((file) => file.close()));
  await rm(join(out, 'reel.mp4'));
}

function drawn(set: ClipSet, kind: (typeof KINDS)[number], index: number, size: number): Clip {
  if (kind === 'clips') {
    const seed = set.seeds.train + index;
    const scene = set.scene(seed);
    return {
      images: renderScene(scene, { size, seed }),
      labels: labelsOf(scene),
      backgrounds: Uint8Array.from({ length: set.instants }, (_, instant) => backgroundOf(scene, instant)),
      questions: Array.from({ length: DRAWS }, (_, draw) => set.questions(scene, seed + draw * 500_000)).flat(),
    };
  }
  const seeds = Array.from({ length: set.instants }, (_, i) => set.seeds.crowds + index * set.instants + i);
  const stills = seeds.map((seed) => ({ seed, scene: set.crowd(seed) }));
  return {
    images: stills.flatMap(({ scene, seed }) => renderScene(scene, { size, seed, instants: 1 })),
    labels: Uint32Array.from(stills.flatMap(({ scene }) => [...labelsOf(scene, 1)])),
    backgrounds: Uint8Array.from(stills.map(({ scene }) => backgroundOf(scene, 0))),
    questions: [],
  };
}

function backgroundOf({ background, cut }: Scene, instant: number): number {
  const name = background[cut !== undefined && instant >= cut ? 1 : 0];
  return Object.keys(BACKGROUNDS).indexOf(name);
}

/** Pictures as they come back from an mp4: `[clips, instants, FRAME_SIDE, FRAME_SIDE, 3]`. */
async function filmed(clips: readonly Clip[], instants: number, size: number, file: string): Promise<Uint8Array> {
  const images = clips.flatMap((clip) => clip.images);
  await encodeReel(images, instants, size, file);
  const out = new Uint8Array(images.length * FRAME_SIDE * FRAME_SIDE * 3);
  await using video = await openVideo(file);
  let at = 0;
  for await (const frame of video.frames(images.map((_, i) => i * HOLD))) {
    out.set(resize(frame, FRAME_SIDE, FRAME_SIDE), at);
    at += FRAME_SIDE * FRAME_SIDE * 3;
  }
  return out;
}

/** As encode.ts does with one clip, but with an installed ffmpeg and a key frame at the start of each clip. */
async function encodeReel(images: readonly Uint8Array[], instants: number, size: number, file: string): Promise<void> {
  const args = [
    ...['-v', 'error', '-y', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-video_size', `${size}x${size}`],
    ...['-framerate', '12', '-i', '-', ...BT601, '-r', '24'],
    ...['-c:v', 'libx264', '-crf', '23', '-preset', 'veryfast', '-threads', '1'],
    ...['-g', String(instants * HOLD), '-keyint_min', String(instants * HOLD), '-sc_threshold', '0', file],
  ];
  const child = spawn('ffmpeg', args, { stdio: ['pipe', 'inherit', 'inherit'] });
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  child.stdin.end(Buffer.concat(images));
  if ((await ended) !== 0) throw new InputError(`${file}: ffmpeg could not encode it.`);
}

await runTool('draw-training', main);
