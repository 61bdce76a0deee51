/** Makes the embedded model's tokenizer from the words of its questions. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InputError } from '../../engine/errors.ts';
import { runTool } from '../flags.ts';
import { trainTokenizer } from './bpe.ts';
import { CHAT_TEMPLATE, plainPrompt } from './prompts.ts';
import { questionsOf } from './questions.ts';
import { randomScene } from './scene.ts';
import { SEEDS } from './seeds.ts';

const SCENES = 2000;

const HELP = `Makes a tokenizer of the words that the drawn clips are asked about with.

  npx tsx tools/tiny/make-tokenizer.ts --out DIR     writes tokenizer.json, tokenizer_config.json there
`;

async function main(): Promise<void> {
  const { help, out } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' }, out: { type: 'string' } },
  }).values;
  if (help) return void process.stdout.write(HELP);
  if (out === undefined) throw new InputError('--out must name a folder; --help lists the options.');
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
