import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { isRight, promptFor, readQuestions } from '../../cli/eval/questions.ts';
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

    it('are read from a file that begins with a byte order mark', async () => {
      const file = join(folder, 'bom.jsonl');
      await writeFile(file, '\uFEFF{"video":"a","question":"b","answer":"c"}\n');
      expect(await readQuestions(file)).to.have.length(1);
    });

    it('are refused by file and line', async () => {
      const good = '{"video":"a","question":"b","answer":"c"}\n';
      for (const [text, part] of [
        [`${good}nonsense`, ':2: must be JSON'],
        [`${good}{"video":"a","question":"b"}`, ':2: answer must be a text, got none'],
        ['{"video":"a","question":"","answer":"c"}', ':1: question must be a text'],
        ['{"video":"a","question":"b","answer":"c","options":["one"]}', ':1: options must be a list'],
        [
          '{"video":"a","question":"b","answer":"zzz","options":["x","y"]}',
          'one of the options or its letter, A to B, got "zzz"',
        ],
        ['{"video":"a","question":"b","answer":"Z","options":["x","y"]}', ':1: answer must be one of the options'],
        [
          JSON.stringify({ video: 'a', question: 'b', answer: 'A', options: Array(27).fill('x') }),
          ':1: options must be a list of two to 26',
        ],
        ['null', ':1: video must be a text'],
        ['', 'holds no questions'],
      ] as const) {
        const file = join(folder, 'bad.jsonl');
        await writeFile(file, text);
        await expectRejection(readQuestions(file), InputError, part);
      }
      await expectRejection(
        readQuestions(join(folder, 'none.jsonl')),
        InputError,
        'cannot be read: no such file or directory',
      );
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
        computedShare: 0.1 * question,
        actions: question === 0 ? ['merge', 'prune'] : ['merge'],
      }));
      const summary = summarise({ reducer: 'r', cost: 0.3 }, questions, results);
      expect(summary).to.include({ right: 1, total: 3 });
      expect(summary.computedShare).to.be.closeTo(0.1, 1e-12);
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
      [0, 1].map((i) => ({ run: '', question: i, answer: '', right: i < right, computedShare: 0.3, actions: [] })),
    );
  const about = {
    version: 2,
    tool: '',
    command: '',
    date: '',
    data: 'q.jsonl',
    model: 'm',
    dtype: 'f32',
    adapter: 'x',
  };
  const text = markdownTables({ ...about, version: 2, questions: 2, videos: 1, runs: [run('random', 1)] });

  it('writes tables whose rows have as many cells as their heads', () => {
    const rows = text.split('\n').filter((line) => line.startsWith('|'));
    const tables = [rows.slice(0, 3), rows.slice(3, 6), rows.slice(6)];
    expect(tables.map((table) => table.length)).to.deep.equal([3, 3, 4]);
    const cells = (line: string) => line.replaceAll('\\|', '').split('|').length;
    for (const table of tables) expect(new Set(table.map(cells)).size).to.equal(1);
    expect(text).to.include('| random | 0.3 | 30.0 % | 1/2 | 50.0 % |').and.to.include('| a\\|b | 1 | 100.0 % |');
  });

  it('begins with a line a reducer and a column a budget, starred where the difference is clear', () => {
    const compared = (name: string, cost: number, right: number, low: number, high: number) => {
      const against = { reducer: 'framefusion', difference: 0, interval: [low, high] as const };
      return { ...run(name, right), cost, overVideos: { interval: [0, 1] as const, against } };
    };
    const runs = [
      { ...run('none', 2), cost: 1 },
      compared('evs', 0.5, 2, 0.1, 0.2),
      compared('evs', 0.1, 1, -0.1, 0.2),
      compared('random', 0.1, 0, -0.3, -0.1),
    ];
    const table = markdownTables({ ...about, version: 2, questions: 2, videos: 1, runs }).split('\n\n')[1];
    expect(table?.split('\n')).to.deep.equal([
      '| reducer | 0.5 | 0.1 |',
      '| --- | --- | --- |',
      '| dense | 100.0 % | 100.0 % |',
      '| evs | 100.0 % * | 50.0 % |',
      '| random |  | 0.0 % * |',
    ]);
  });
});
