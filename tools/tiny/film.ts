/** What the model is shown of a question file's videos, for tools/tiny/training/answer.py. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { openVideo } from '../../media/open-video.ts';
import { sampleVideo } from '../../media/sample-video.ts';
import { needed, oneOf, programFlags, runTool, wholeNumber } from '../flags.ts';
import { aboutTraining, FRAME_SIDE, trainingIds } from './about.ts';
import { openPrompts } from './prompts.ts';
import type { Question } from './questions.ts';
import { SET_FLAG, SET_NAMES, SETS } from './sets.ts';

async function main(): Promise<void> {
  const about = 'Decodes and resizes the videos of a question file as the product does, for answer.py.';
  const {
    questions: file,
    tokenizer,
    out,
    clips,
    ...flags
  } = programFlags(about, {
    set: SET_FLAG,
    questions: needed('questions.jsonl of draw-set.ts'),
    tokenizer: needed('a folder of make-tokenizer.ts'),
    out: needed('receives clips-0/ with frames.u8, questions.jsonl, about.json, as draw-training.ts writes them'),
    clips: { type: 'string', help: 'only the first so many videos' },
  });
  const set = SETS[oneOf('set', flags.set, SET_NAMES)];
  const prompts = await openPrompts(tokenizer);
  const questions = await readDrawn(file);
  const folder = join(out, 'clips-0');
  await mkdir(folder, { recursive: true });
  const frames: Uint8Array[] = [];
  const lines: string[] = [];
  const names = [...new Set(questions.map((question) => question.video))];
  for (const name of names.slice(0, clips === undefined ? undefined : wholeNumber('clips', clips))) {
    await using video = await openVideo(name);
    frames.push(...(await sampleVideo(video, { size: FRAME_SIDE, maxFrames: set.instants, forceSample: true })).images);
    const asked = questions.filter((question) => question.video === name);
    lines.push(`${JSON.stringify(asked.map((question) => trainingIds(question, set, prompts)))}\n`);
  }
  await writeFile(join(folder, 'frames.u8'), Buffer.concat(frames));
  await writeFile(join(folder, 'questions.jsonl'), lines.join(''));
  await writeFile(join(folder, 'about.json'), `${JSON.stringify(aboutTraining(set, prompts), null, 1)}\n`);
}

/** A line of draw-set.ts. */
interface DrawnQuestion extends Question {
  readonly video: string;
}

/** The questions that draw-set.ts wrote, with the paths of their videos. */
async function readDrawn(file: string): Promise<DrawnQuestion[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines
    .map((line) => JSON.parse(line) as DrawnQuestion)
    .map((drawn) => ({ ...drawn, video: resolve(dirname(file), drawn.video) }));
}

await runTool('film', main);
