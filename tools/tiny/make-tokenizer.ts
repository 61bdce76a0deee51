/** Makes the embedded model's tokenizer from the words of its questions. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { needed, programFlags, runTool } from '../flags.ts';
import { trainTokenizer } from './bpe.ts';
import { CHAT_TEMPLATE, plainPrompt } from './prompts.ts';
import { questionsOf } from './questions.ts';
import { randomScene } from './scene.ts';
import { SEEDS } from './seeds.ts';

const SCENES = 2000;

async function main(): Promise<void> {
  const { out } = programFlags('Makes a tokenizer of the words that the drawn clips are asked about with.', {
    out: needed('the folder for tokenizer.json and tokenizer_config.json'),
  });
  await mkdir(out, { recursive: true });
  const json = (value: object) => `${JSON.stringify(value, null, 1)}\n`;
  await writeFile(join(out, 'tokenizer.json'), json(trainTokenizer(corpus())));
  const config = { tokenizer_class: 'Qwen2Tokenizer', eos_token: '<|im_end|>', pad_token: '<|endoftext|>' };
  await writeFile(join(out, 'tokenizer_config.json'), json({ ...config, chat_template: CHAT_TEMPLATE }));
}

function* corpus(): Generator<string> {
  for (let seed = SEEDS.train; seed < SEEDS.train + SCENES; seed++)
    for (const { question, answer } of questionsOf(randomScene(seed), seed)) {
      yield* plainPrompt(question);
      yield answer;
    }
}

await runTool('make-tokenizer', main);
