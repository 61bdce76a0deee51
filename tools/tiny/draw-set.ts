/** Draws clips with a question file for ff-eval. `npx tsx tools/tiny/draw-set.ts --help`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needed, oneOf, programFlags, runTool, wholeNumber } from '../flags.ts';
import { CLIP, encodeMp4 } from './encode.ts';
import { renderScene } from './render.ts';
import { SET_FLAG, SET_NAMES, SETS } from './sets.ts';

const SPLITS = ['validation', 'test'] as const;

async function main(): Promise<void> {
  const flags = programFlags('Draws clips that training never saw, and questions about them.', {
    set: SET_FLAG,
    split: { type: 'string', default: 'test', help: 'validation: to choose settings by; test: to tell figures of' },
    clips: { type: 'string', default: '100', help: "how many, from the split's first on" },
    out: needed(`a folder for ${CLIP.size} x ${CLIP.size} mp4 files and questions.jsonl, as ff-eval --data takes it`),
  });
  const set = SETS[oneOf('set', flags.set, SET_NAMES)];
  const split = oneOf('split', flags.split, SPLITS);
  const clips = wholeNumber('clips', flags.clips);
  await mkdir(flags.out, { recursive: true });
  const lines: string[] = [];
  for (let i = 0; i < clips; i++) {
    const seed = set.seeds[split] + i;
    const scene = set.scene(seed);
    const video = `${split}-${String(i).padStart(4, '0')}.mp4`;
    await writeFile(join(flags.out, video), await encodeMp4(renderScene(scene, { size: CLIP.size, seed }), CLIP));
    for (const { type, question, answer } of set.test(set.questions(scene, seed), seed))
      lines.push(JSON.stringify({ video, type, question, answer }));
    process.stderr.write(`\r${i + 1} of ${clips} clips`);
  }
  // Last, so that a question file never names clips that are not there yet.
  await writeFile(join(flags.out, 'questions.jsonl'), `${lines.join('\n')}\n`);
  process.stderr.write('\n');
}

await runTool('draw-set', main);
