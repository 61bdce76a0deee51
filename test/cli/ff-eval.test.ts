import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { EvalReport } from '../../cli/eval/report.ts';
import { clip, ffRun, type RunOptions } from './process.ts';

/** Waits until a file has so many lines, or its writer has ended. */
const lines = (file: string, count: number) => async (ended: AbortSignal) => {
  const now = async () => (await readFile(file, 'utf8').catch(() => '')).split('\n').length - 1;
  while (!ended.aborted && (await now()) < count) await sleep(20);
};

const evaluate = (args: readonly string[], options: RunOptions = {}) => ffRun(args, { ...options, tool: 'ff-eval' });

/** Two copies of the bundled clip, so that there are two videos; the last answer is wrong on purpose. */
const questions = [
  { video: 'a.mp4', question: 'Which object moves?', answer: 'the purple ring', type: 'moves' },
  { video: 'b.mp4', question: 'What shape is the yellow object?', answer: 'circle', type: 'shape' },
  { video: 'a.mp4', question: 'What color is the background at the end?', answer: 'brown', type: 'background' },
  { video: 'b.mp4', question: 'Which object moves?', answer: 'nothing', type: 'moves' },
];

describe('ff-eval', () => {
  let folder: string;
  let data: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-eval-'));
    data = join(folder, 'questions.jsonl');
    await copyFile(clip, join(folder, 'a.mp4'));
    await copyFile(clip, join(folder, 'b.mp4'));
    await writeFile(data, questions.map((question) => JSON.stringify(question)).join('\n'));
  });
  after(() => rm(folder, { recursive: true }));

  it('explains itself', async () => {
    const { stdout, code } = await evaluate(['--help']);
    expect(code).to.equal(0);
    for (const flag of ['data', 'videos', 'reducer', 'cost', 'results', 'json', 'report', 'types', 'limit'])
      expect(stdout).to.match(new RegExp(`^ {2}--${flag}\\b.* \\S`, 'm'));
  });

  it('counts right answers for each reducer and budget, in all and by type', async () => {
    const page = join(folder, 'report.html');
    const asked = ['--data', data, '--reducer', 'none,framefusion', '--cost', '0.5,0.3', '--types', '--quiet'];
    const args = [...asked, '--report', page];
    const { stdout, code } = await evaluate(args);
    expect(code).to.equal(0);
    expect(stdout).to.match(/4 questions about 2 videos; tiny-llava-video/);
    expect(stdout).to.match(/none +1 +100\.0 % +3\/4 +75\.0 % +30\.1 % to 95\.4 %/);
    expect(stdout).to.match(/framefusion +0\.5 +50\.0 % +3\/4/);
    expect(stdout).to.match(/framefusion +0\.3 +30\.0 % +3\/4 .* [\d.]+ %$/m);
    expect(stdout).to.match(/moves +2 +50\.0 % +50\.0 % +50\.0 %/);
    expect(await readFile(page, 'utf8')).to.match(/^<!doctype html>.*3\/4.*<\/html>\s*$/is);
  });

  it('takes budgets in tokens, which leave the decoder the same work whatever the frames', async () => {
    const args = [
      '--data',
      data,
      '--reducer',
      'framefusion,evs',
      '--tokens',
      '72,36',
      '--against',
      'framefusion',
      '--limit',
      '2',
      '--quiet',
    ];
    const twelve = await evaluate(args);
    expect(twelve.stdout).to.match(/^ +reducer +budget +computed/m);
    for (const name of ['framefusion', 'evs']) {
      expect(twelve.stdout).to.match(new RegExp(`${name} +72 tokens +30\\.0 % `));
      expect(twelve.stdout).to.match(new RegExp(`${name} +36 tokens +15\\.0 % `));
    }
    expect(twelve.stdout).to.match(/evs +36 tokens .* [+-]\d+\.\d \(/);
    const { stdout } = await evaluate([...args, '--frames', '6', '--json', '-']);
    const { runs } = JSON.parse(stdout) as EvalReport;
    expect(runs.map(({ tokens }) => tokens)).to.deep.equal([72, 36, 72, 36]);
    for (const { tokens = 0, cost, computedShare } of runs) {
      expect(computedShare).to.be.closeTo(tokens / 120, 0.01);
      expect(cost).to.equal(computedShare);
    }
  });

  it('goes on where an interrupted run was, and asks nothing twice', async () => {
    const results = join(folder, 'results.jsonl');
    const args = [
      '--data',
      data,
      '--reducer',
      'none,random,frames',
      '--cost',
      '0.4',
      '--frames',
      '3',
      '--results',
      results,
      '--json',
      '-',
    ];
    await evaluate(args, { interrupt: { signal: 'SIGINT', when: lines(results, 3) } });
    const report = JSON.parse((await evaluate(args)).stdout) as EvalReport;
    expect(report.runs.map(({ reducer, total }) => [reducer, total])).to.deep.equal([
      ['none', 4],
      ['random', 4],
      ['frames', 4],
    ]);
    const written = (await readFile(results, 'utf8')).trimEnd().split('\n').slice(1);
    expect(written).to.have.length(12);
    expect(new Set(written.map((line) => ((one) => `${one.run} ${one.question}`)(JSON.parse(line)))).size).to.equal(12);
    const again = JSON.parse((await evaluate(args)).stdout) as EvalReport;
    expect(again.runs).to.deep.equal(report.runs);
    expect((await readFile(results, 'utf8')).trimEnd().split('\n')).to.have.length(13);
  });

  it('writes each answer once, whoever asks and however often a reducer is named', async () => {
    const results = join(folder, 'once.jsonl');
    const args = [
      '--data',
      data,
      '--reducer',
      'none,none,random',
      '--cost',
      '0.4,0.4',
      '--frames',
      '3',
      '--results',
      results,
      '--quiet',
    ];
    const both = await Promise.all([evaluate(args), evaluate(args)]);
    const refused = both.filter(({ code }) => code === 1);
    for (const { stdout, stderr } of refused) {
      expect(stderr).to.match(/^ff-eval: --results .*once\.jsonl: process \d+ is writing it\. [^\n]*\n$/);
      expect(stdout).to.equal('');
    }
    expect(both.filter(({ code }) => code === 0).length).to.be.at.least(1);
    const written = (await readFile(results, 'utf8')).trimEnd().split('\n').slice(1);
    expect(written).to.have.length(2 * 4);
    expect(new Set(written.map((line) => line.split('"answer"')[0])).size).to.equal(8);
  });

  it('leaves out damaged and missing videos where it is told to, and lists them', async () => {
    const some = join(folder, 'some.jsonl');
    await writeFile(join(folder, 'damaged.mp4'), 'no video at all');
    const asked = ['damaged.mp4', 'a.mp4', 'missing.mp4', 'damaged.mp4'].map((video) => ({ ...questions[0], video }));
    await writeFile(some, asked.map((question) => JSON.stringify(question)).join('\n'));
    const args = ['--data', some, '--reducer', 'none', '--json', '-'];
    const { code, stdout, stderr } = await evaluate([...args, '--skip-broken']);
    expect(code, stderr).to.equal(0);
    const report = JSON.parse(stdout) as EvalReport;
    expect(report.runs[0]).to.include({ right: 1, total: 1 });
    const listed = report.skipped?.map(({ video, questions: count }) => [basename(video), count]);
    expect(listed).to.deep.equal([
      ['damaged.mp4', 2],
      ['missing.mp4', 1],
    ]);
    for (const { reason } of report.skipped ?? []) expect(stderr).to.contain(`warning: left out: ${reason}`);
    expect((await evaluate(args)).stderr).to.match(/1 of 3 videos not found, the first is .*missing\.mp4/);
  });

  it('answers bad input with one line', async () => {
    const cases: [string[], number, RegExp][] = [
      [[], 2, /--data FILE is needed/],
      [['--data', join(folder, 'none.jsonl')], 1, /none\.jsonl: cannot be read/],
      [['--data', data, '--reducer', 'framefusion,best'], 2, /--reducer must be framefusion, .*got "best"/],
      [['--data', data, '--data', data], 2, /--data is given twice/],
      [['--data', data, '--cost', '0.5,2'], 2, /--cost must be above 0 and at most 1, got "2"/],
      [['--data', data, '--json', join(folder, 'nowhere', 'x.json')], 1, /--json .*nowhere.*cannot be written/],
      [['--data', data, '--report', 'report.pdf'], 2, /--report must name a .html, .svg or .md file, got "report.pdf"/],
      [['--data', data, '--model', 'nope'], 1, /--model nope: no such folder/],
    ];
    for (const [args, exitCode, line] of cases) {
      const { code, stdout, stderr } = await evaluate([...args, '--quiet']);
      expect(stderr).to.match(line);
      expect(stderr.trimEnd().split('\n')).to.have.length(1);
      expect([stdout, code]).to.deep.equal(['', exitCode]);
    }
    await writeFile(join(folder, 'lost.jsonl'), JSON.stringify({ ...questions[0], video: 'lost.mp4' }));
    const { code, stderr } = await evaluate(['--data', join(folder, 'lost.jsonl'), '--quiet']);
    expect(code).to.equal(1);
    expect(stderr).to.match(/1 of 1 video not found, the first is .*lost\.mp4/);
  });
});
