import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { InputError, WeightsError } from '../../engine/errors.ts';
import * as reference from '../../kernels/reference/sampling.ts';
import { type GenerationDefaults, generationDefaults } from '../../models/generation-config.ts';
import { specOf } from '../../models/registry.ts';
import { PromptText } from '../../models/text.ts';
import { rejection } from '../helpers/errors.ts';
import { families } from '../helpers/families.ts';
import { byteTokenizerJson, folderOf } from '../helpers/files.ts';
import {
  checkpointFolder,
  framesFor,
  generated,
  load,
  prefilled,
  removeCheckpoint,
  tinyModel,
} from '../helpers/model.ts';

async function defaultsOf(family: string, config?: object | string): Promise<GenerationDefaults> {
  const { spec } = await specOf(folderOf(families[family]!));
  const files = folderOf({
    'tokenizer.json': byteTokenizerJson({ '<|im_end|>': 300, '<|endoftext|>': 301 }),
    ...(config !== undefined && { 'generation_config.json': config }),
  });
  return generationDefaults(files, spec, await PromptText.load(files, spec.prompt));
}

const LLAVA = 'LLaVA-OneVision, lmms-lab';

describe('generation_config.json', () => {
  it('says what ends an answer, what repeating costs and what is drawn from', async () => {
    const published = {
      do_sample: true,
      eos_token_id: [7, 8],
      repetition_penalty: 1.05,
      temperature: 0.7,
      top_k: 20,
      top_p: 0.8,
    };
    expect(await defaultsOf(LLAVA, published)).to.deep.equal({
      stopIds: new Set([7, 8, 300]),
      repetitionPenalty: 1.05,
      topP: 0.8,
      topK: 20,
      minP: 0,
    });
  });

  it('leaves all as it is where it says nothing, or says that nothing is cut', async () => {
    const none = { stopIds: new Set([300]), repetitionPenalty: 1, topP: 1, topK: 0, minP: 0 };
    for (const config of [undefined, {}, { top_k: 0, top_p: 1, min_p: null, repetition_penalty: 1 }])
      expect(await defaultsOf(LLAVA, config)).to.deep.equal(none);
  });

  it("stands before what a family's own code sets", async () => {
    expect((await defaultsOf('MiniCPM-V 2.6')).repetitionPenalty).to.equal(1.05);
    expect((await defaultsOf('MiniCPM-V 2.6', { repetition_penalty: 1.2 })).repetitionPenalty).to.equal(1.2);
  });

  it('is read with a byte order mark, and refused in one line with values that are none', async () => {
    expect((await defaultsOf(LLAVA, '\uFEFF{"top_k": 5}')).topK).to.equal(5);
    for (const [config, message] of [
      [
        '{"repetition_penalty": NaN}',
        'm/generation_config.json: repetition_penalty must be a positive number, got NaN.',
      ],
      ['{"repetition_penalty": 0}', 'repetition_penalty must be a positive number, got 0.'],
      ['{"top_p": 1.5}', 'top_p must be a number from 0 to 1, got 1.5.'],
      ['{"min_p": -Infinity}', 'min_p must be a number from 0 to 1, got -Infinity.'],
      ['{"top_k": 2.5}', 'top_k must be a positive integer, got 2.5.'],
      ['{"eos_token_id": ["a"]}', 'eos_token_id must be an integer or a list of them'],
      ['{', 'generation_config.json: must be JSON'],
    ] as const) {
      const error = await rejection(defaultsOf(LLAVA, config));
      expect(error).to.be.instanceOf(WeightsError);
      expect(error.message).to.include(message).and.not.include('\n');
    }
  });
});

describe('a repetition penalty', () => {
  /** Greedy ids by the rule, on the scores that the model has after each. */
  async function byRule(
    prompt: readonly number[],
    penalty: number,
    before: readonly number[],
    count: number,
  ): Promise<number[]> {
    const model = await tinyModel();
    const ids: number[] = [];
    while (ids.length < count) {
      const scores = await prefilled(model, { ids: [...prompt, ...ids] });
      ids.push(reference.argmax(reference.penalised(scores, new Set([...before, ...ids]), penalty)));
    }
    return ids;
  }

  const prompt = [5, 6, 7, 8];

  it('makes greedy answers what the rule says, of generated ids and of the prompt', async () => {
    const model = await tinyModel();
    const plain = (await generated(model, { ids: prompt }, undefined, { maxNewTokens: 6 })).ids;
    const options = { maxNewTokens: 6, repetitionPenalty: 3 };
    const ids = (await generated(model, { ids: prompt }, undefined, options)).ids;
    expect(ids).to.deep.equal(await byRule(prompt, 3, [], 6));
    const before = plain.slice(0, 2);
    const other = (await generated(model, { ids: prompt }, undefined, { ...options, seen: before })).ids;
    expect(other).to.deep.equal(await byRule(prompt, 3, before, 6));
    expect(other[0]).to.not.equal(plain[0]);
  });

  it('of 1 changes nothing', async () => {
    const model = await tinyModel();
    const plain = await generated(model, { ids: prompt }, undefined, { maxNewTokens: 6 });
    const one = await generated(model, { ids: prompt }, undefined, { maxNewTokens: 6, repetitionPenalty: 1 });
    expect(one.ids).to.deep.equal(plain.ids);
  });

  it('gives all back to the pool', async () => {
    const model = await tinyModel();
    const run = () => generated(model, { ids: prompt }, undefined, { maxNewTokens: 3, repetitionPenalty: 2 });
    await run();
    const before = model.runtime.pool.memory.bytes;
    await run();
    expect(model.runtime.pool.memory.bytes).to.equal(before);
  });

  it('and what else is outside what is allowed is refused', async () => {
    const model = await tinyModel();
    for (const [option, message] of [
      [{ repetitionPenalty: 0 }, 'repetitionPenalty must be above 0, got 0.'],
      [{ topK: 1.5 }, 'topK must be a whole number from 0 on, got 1.5.'],
      [{ minP: 2 }, 'minP must be from 0 to 1, got 2.'],
    ] as const)
      expect(() => model.answer(undefined, 'What?', option)).to.throw(InputError, message);
  });
});

describe("a prompt beyond the model's context", () => {
  it('is an error before any work, with the number of frames that fits', async () => {
    const model = await tinyModel();
    using video = await model.encode(framesFor(model, 8));
    const { contextLength } = model.parts.decoder.config;
    const long = 'x '.repeat(contextLength);
    const error = await rejection(read(model.answer(video, long)));
    expect(error).to.be.instanceOf(InputError);
    expect(error.message).to.match(
      /^the prompt has \d+ rows, and [^\n]* was made for 32768 at most\. No frame fits beside what is said: say less/,
    );
    const words = await rejection(read(model.answer(undefined, long)));
    expect(words.message).to.include('Say less, or show less, or insist with --allow-long (allowLong).');
  });
});

describe('the number of frames that fits', () => {
  it('fits, and one more does not; who insists is answered', async () => {
    const folder = await checkpointFolder();
    const path = join(folder, 'config.json');
    const config = { ...JSON.parse(await readFile(path, 'utf8')), max_position_embeddings: 400 };
    await writeFile(path, JSON.stringify(config));
    const model = await load(folder);
    await removeCheckpoint(folder);
    const ask = async (frames: number, options: object = {}) => {
      using video = await model.encode(framesFor(model, frames));
      return await read(model.answer(video, 'Why?', { maxNewTokens: 2, ...options }));
    };
    const { message } = await rejection(ask(60));
    const fitting = Number(/ (\d+) frames fit: use --frames \1, or insist/.exec(message)?.[1]);
    expect(fitting).to.be.within(5, 40);
    await ask(fitting);
    expect(await rejection(ask(fitting + 1))).to.be.instanceOf(InputError);
    await ask(60, { allowLong: true });
    model[Symbol.dispose]();
  });
});

async function read(answer: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of answer) text += piece;
  return text;
}
