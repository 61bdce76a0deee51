/** Makes the embedded model's tokenizer from the words of its questions. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needed, oneOf, programFlags, runTool } from '../flags.ts';
import { trainTokenizer } from './bpe.ts';
import { CHAT_TEMPLATE, plainPrompt } from './prompts.ts';
import { type ClipSet, SET_FLAG, SET_NAMES, SETS } from './sets.ts';

const SCENES = 2000;

async function main(): Promise<void> {
  const { out, set } = programFlags('Makes a tokenizer of the words that the drawn clips are asked about with.', {
    set: SET_FLAG,
    out: needed('the folder for tokenizer.json and tokenizer_config.json'),
  });
  await mkdir(out, { recursive: true });
  const json = (value: object) => `${JSON.stringify(value, null, 1)}\n`;
  await writeFile(join(out, 'tokenizer.json'), json(trainTokenizer(corpus(SETS[oneOf('set', set, SET_NAMES)]))));
  const config = { tokenizer_class: 'Qwen2Tokenizer', eos_token: '<|im_end|>', pad_token: '<|endoftext|>' };
  await writeFile(join(out, 'tokenizer_config.json'), json({ ...config, chat_template: CHAT_TEMPLATE }));
}

function* corpus({ seeds, scene, questions }: ClipSet): Generator<string> {
  for (let seed = seeds.train; seed < seeds.train + SCENES; seed++)
    for (const { question, answer } of questions(scene(seed), seed)) {
      yield* plainPrompt(question);
      yield answer;
    }
}

await runTool('make-tokenizer', main);
