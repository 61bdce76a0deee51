import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isRight, promptFor, readQuestions } from '../../cli/eval/questions.ts';
import { type Result, Results } from '../../cli/eval/results.ts';
import { accuracy, summarise } from '../../cli/eval/summary.ts';
import { markdownTables } from '../../cli/eval/table.ts';
import { InputError } from '../../engine/errors.ts';
import { expectRejection } from '../helpers/errors.ts';

describe('the parts of ff-eval', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-eval-parts-'));
  });
  after(() => rm(folder, { recursive: true }));

  describe('questions', () => {
    const open = { video: 'v', question: 'Which?', answer: 'The red cross', type: 'all' };
    const choice = { ...open, answer: 'B', options: ['a dog', 'a cat', 'an ox'] };

    it('are read with their videos beside the file, blank lines left out', async () => {
      const file = join(folder, 'q.jsonl');
      await writeFile(
        file,
        '{"video":"a.mp4","question":"Q?","answer":"yes"}\n\n{"video":"/b.mp4","question":"R?","answer":"no","type":"t"}',
      );
      expect(await readQuestions(file)).to.deep.equal([
        { video: join(folder, 'a.mp4'), question: 'Q?', answer: 'yes', type: 'all' },
        { video: '/b.mp4', question: 'R?', answer: 'no', type: 't' },
      ]);
    });

    it('are refused by file and line', async () => {
      const good = '{"video":"a","question":"b","answer":"c"}\n';
      for (const [text, part] of [
        [`${good}nonsense`, ':2: must be JSON'],
        [`${good}{"video":"a","question":"b"}`, ':2: answer must be a text, got undefined'],
        ['{"video":"a","question":"","answer":"c"}', ':1: question must be a text'],
        ['{"video":"a","question":"b","answer":"c","options":["one"]}', ':1: options must be a list'],
        ['null', ':1: video must be a text'],
        ['', 'holds no questions'],
      ] as const) {
        const file = join(folder, 'bad.jsonl');
        await writeFile(file, text);
        await expectRejection(readQuestions(file), InputError, part);
      }
      await expectRejection(readQuestions(join(folder, 'none.jsonl')), InputError, 'cannot be read: ENOENT');
    });

    it('show their options by letter', () => {
      expect(promptFor(open)).to.equal('Which?');
      expect(promptFor(choice).split('\n').slice(1, 4)).to.deep.equal(['A. a dog', 'B. a cat', 'C. an ox']);
    });

    it('are right by text, but for case, white space and a full stop', () => {
      for (const given of ['The red cross', ' the  Red cross.\n']) expect(isRight(open, given)).to.equal(true);
      for (const given of ['the red', 'the red cross is', '']) expect(isRight(open, given)).to.equal(false);
    });

    it('are right by letter or by text of the option', () => {
      for (const given of ['B', ' B.', '(B) a cat', 'B: the cat', 'A cat', 'a cat.'])
        expect(isRight(choice, given), given).to.equal(true);
      for (const given of ['A', 'C. an ox', 'a dog', 'Because', ''])
        expect(isRight(choice, given), given).to.equal(false);
      expect(isRight({ ...choice, answer: 'an ox' }, 'C')).to.equal(true);
    });
  });

  describe('results', () => {
    const result = (question: number): Result => ({
      run: 'r',
      question,
      answer: 'a',
      right: true,
      spent: 0.5,
      actions: [],
    });

    it('go on where they were, without a line that was cut off', async () => {
      const file = join(folder, 'results.jsonl');
      const first = await Results.open(file, { model: 'm' });
      await first.add(result(1));
      await first.add(result(0));
      const whole = await readFile(file, 'utf8');
      await appendFile(file, '{"run":"r","question":2,"ans');
      const second = await Results.open(file, { model: 'm' });
      expect(await readFile(file, 'utf8')).to.equal(whole);
      expect([0, 1, 2].map((question) => second.has('r', question))).to.deep.equal([true, true, false]);
      expect(second.has('other', 0)).to.equal(false);
      expect(second.of('r')).to.deep.equal([result(0), result(1)]);
    });

    it('of another evaluation are refused, and left as they are', async () => {
      const file = join(folder, 'other.jsonl');
      await writeFile(file, 'precious\n');
      await expectRejection(Results.open(file, { model: 'm' }), InputError, 'is of another evaluation');
      expect(await readFile(file, 'utf8')).to.equal('precious\n');
    });
  });

  describe('the summary', () => {
    it("has Wilson's interval", () => {
      // Values of the formula, computed by hand for 40 of 44.
      const { interval } = accuracy(40, 44);
      expect(interval[0]).to.be.closeTo(0.7884, 5e-4);
      expect(interval[1]).to.be.closeTo(0.9641, 5e-4);
      expect(accuracy(0, 10).interval[0]).to.equal(0);
      expect(accuracy(10, 10).interval[1]).to.be.closeTo(1, 1e-12);
      expect(accuracy(0, 0).interval).to.deep.equal([0, 1]);
    });

    it('counts by type, and what the policy did', () => {
      const questions = ['x', 'y', 'x'].map((type) => ({ video: 'v', question: 'q', answer: 'a', type }));
      const results = [true, false, false].map((right, question) => ({
        run: 'r',
        question,
        answer: '',
        right,
        spent: 0.1 * question,
        actions: question === 0 ? ['merge', 'prune'] : ['merge'],
      }));
      const summary = summarise({ reducer: 'r', cost: 0.3 }, questions, results);
      expect(summary).to.include({ right: 1, total: 3 });
      expect(summary.spent).to.be.closeTo(0.1, 1e-12);
      expect(summary.mergedThenPruned).to.be.closeTo(1 / 3, 1e-12);
      expect(summary.byType.x).to.include({ right: 1, total: 2 });
      expect(summary.byType.y).to.include({ right: 0, total: 1 });
    });
  });
});

describe('markdownTables', () => {
  const run = (reducer: string, right: number) =>
    summarise(
      { reducer, cost: 0.3 },
      [0, 1].map((i) => ({ video: 'a.mp4', question: `${i}`, answer: 'yes', type: i === 0 ? 'a|b' : 'c' })),
      [0, 1].map((i) => ({ run: '', question: i, answer: '', right: i < right, spent: 0.3, actions: [] })),
    );
  const about = {
    version: 1,
    tool: '',
    command: '',
    date: '',
    data: 'q.jsonl',
    model: 'm',
    dtype: 'f32',
    adapter: 'x',
  };
  const text = markdownTables({ ...about, version: 1, questions: 2, videos: 1, runs: [run('random', 1)] });

  it('writes tables whose rows have as many cells as their heads', () => {
    const rows = text.split('\n').filter((line) => line.startsWith('|'));
    expect(rows).to.have.length(3 + 4);
    const cells = (line: string) => line.replaceAll('\\|', '').split('|').length;
    expect(new Set(rows.slice(0, 3).map(cells)).size).to.equal(1);
    expect(new Set(rows.slice(3).map(cells)).size).to.equal(1);
    expect(text).to.include('| random | 0.3 | 30.0 % | 1/2 | 50.0 % |').and.to.include('| a\\|b | 1 | 100.0 % |');
  });
});
