import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Report } from '../../cli/report.ts';
import { clip, ffRun } from './process.ts';

const question = ['--prompt', 'Which object moves?'];
// At this bound nearly all tokens are similar, and the budget is met by merging alone.
const ask = ['--video', clip, ...question, '--similarity', '0.6'];

describe('ff-run', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-run-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('explains every flag with --help and names its version', async () => {
    const help = await ffRun(['--help']);
    expect(help.code).to.equal(0);
    for (const flag of [
      'video',
      'prompt',
      'cost',
      'similarity',
      'ratio',
      'reducer',
      'budget-layers',
      'model',
      'frames',
    ])
      expect(help.stdout).to.match(new RegExp(`^ {2}(?:-\\w, )?--${flag} \\S+ +\\S`, 'm'));
    for (const flag of ['compare', 'json', 'adapter', 'dtype', 'verbose', 'quiet', 'force-sample', 'seed', 'top-p'])
      expect(help.stdout).to.contain(`--${flag}`);
    expect((await ffRun(['--version'])).stdout).to.match(/^framefusion-webgpu \d+\.\d+\.\d+\n$/);
  });

  it('gives the answer to standard output and what was saved to standard error, with --verbose by layer and step', async () => {
    const { code, stdout, stderr } = await ffRun([...ask, '--verbose']);
    expect(stdout).to.equal('the purple ring\n');
    expect(stderr).to.match(/tokens +240 of the video, 72 left after a merge to the budget before layer 0/);
    expect(stderr).to.match(/computed +30\.0 % of the video tokens \(asked 30\.0 %\)/);
    expect(stderr).to.match(
      /merge-to-budget before layer 0: \d+ rows -> \d+ \([\d.]+ % similar, the budget asks for 70\.0 %\)/,
    );
    expect(stderr).to.match(/layer 7: \d+ rows in/);
    expect(code).to.equal(0);
  });

  it('meets a budget in tokens, encodes no frame that repeats the one before, and a long video in pieces', async () => {
    const still = ['--frames', '12', '--skip-still', '255', '--piece', '4'];
    const { stdout, stderr } = await ffRun([...ask, '--reducer', 'evs', '--tokens', '60', ...still, '--json', '-']);
    const { video, runs } = JSON.parse(stdout) as Report;
    expect(video?.repeated, stderr).to.equal(9); // of each piece the first is encoded
    const { budget, tokens, settings } = runs[0]!;
    expect(settings).to.deep.equal({ tokens: 60 });
    expect(budget).to.have.property('asked', 60 / 240);
    expect(budget.computedShare * tokens.video).to.be.within(56, 60);
  });

  it('refuses pieces for a reducer that looks at the question, before it loads any weight', async () => {
    const { code, stderr } = await ffRun([...ask, '--piece', '4', '--quiet']);
    expect(stderr).to.equal(
      'ff-run: encode: a video is encoded in pieces for reducers that decide before the question, and framefusion does not.\n',
    );
    expect(code).to.equal(1);
    const compared = await ffRun([...ask, '--reducer', 'evs', '--piece', '4', '--compare']);
    expect(compared.stderr).to.equal('ff-run: --compare shows the dense model all tokens: leave --piece out.\n');
    expect(compared.code).to.equal(2);
  });

  const sentence =
    'The purple ring moves right, then the yellow circle appears, then the red cross flashes, then the background changes.';

  it("asks the model's own question by default, truly answered dense and reduced", async () => {
    for (const how of [
      ['--reducer', 'none'],
      ['--cost', '0.3'],
      ['--cost', '0.5', '--kv', 'compact'],
    ])
      expect((await ffRun(['--video', clip, ...how])).stdout).to.equal(`${sentence}\n`);
  });

  it('prints the report, and nothing else, with --json -', async () => {
    const { stdout } = await ffRun([...ask, '--json', '-', '--seed', '7']);
    const report = JSON.parse(stdout) as Report;
    expect(report.version).to.equal(2);
    expect(report.prompt).to.equal('Which object moves?');
    expect(report.video).to.include({ width: 256, height: 256, frames: 96, averageFps: 24, durationSeconds: 4 });
    expect(report.video?.sampled).to.deep.equal([0, 8, 17, 25, 34, 43, 51, 60, 69, 77, 86, 95]);
    expect(report.model).to.include({ name: 'tiny-llava-video', architecture: 'LlavaQwenForCausalLM', layers: 8 });
    expect(report.sampling.seed).to.equal(7);
    for (const seconds of Object.values(report.seconds)) expect(seconds).to.be.greaterThan(0);
    const [run, ...others] = report.runs;
    expect(others).to.deep.equal([]);
    expect(run?.answer).to.equal('the purple ring');
    expect(run?.tokens.layers).to.have.length(8);
    const text = (run?.tokens.prompt ?? 0) - 240;
    expect(run?.tokens.layers[0]).to.deep.equal({ entering: 240 + text, attending: 72 + text, leaving: 72 + text });
    expect(run?.reduction.map(({ at, action }) => [at, action])).to.deep.equal([['input', 'merge-to-budget']]);
    expect(run?.budget.asked).to.equal(0.3);
    expect(run?.budget.computedShare).to.be.at.most(0.3);
    expect(run?.peakGpuBytes).to.be.greaterThan(3e6);
  });

  it('writes the report to a file, whole, and says nothing but the answer with --quiet', async () => {
    const file = join(folder, 'report.json');
    const { stdout, stderr } = await ffRun([...ask, '--json', file, '--quiet']);
    expect([stdout, stderr]).to.deep.equal(['the purple ring\n', '']);
    expect((JSON.parse(await readFile(file, 'utf8')) as Report).runs[0]?.answer).to.equal('the purple ring');
    expect(await readdir(folder)).to.deep.equal(['report.json']);
  });

  it('compares dense and reduced on the same model', async () => {
    const { stdout, stderr } = await ffRun([...ask, '--compare', '--cost', '0.5']);
    expect(stdout).to.equal('dense: the purple ring\nframefusion: the purple ring\n');
    expect(stderr).to.match(/prefill +[\d.]+ s +[\d.]+ s +([\d.]+x (faster|slower)|the same)/);
    expect(stderr).to.contain('The answers are the same.');
  });

  it('reads a video from standard input', async () => {
    const { stdout, stderr } = await ffRun(['--video', '-', ...question], { stdin: await readFile(clip) });
    expect(stdout).to.equal('the purple ring\n');
    expect(stderr).to.contain('standard input: 96 frames');
  });

  it('runs dense at cost 1, exactly as without a reducer', async () => {
    const runs: Report[] = [];
    for (const how of [
      ['--cost', '1'],
      ['--reducer', 'none'],
    ])
      runs.push(JSON.parse((await ffRun([...ask, ...how, '--frames', '2', '--json', '-'])).stdout));
    expect(runs.map(({ runs: [run] }) => run?.reducer)).to.deep.equal(['none', 'none']);
    expect(runs[0]?.runs[0]?.answer).to.equal(runs[1]?.runs[0]?.answer);
  });

  it('samples as it is told', async () => {
    const { stdout } = await ffRun([...ask, '--frames', '3', '--force-sample', '--max-new-tokens', '1', '--json', '-']);
    const report = JSON.parse(stdout) as Report;
    expect(report.video?.sampled).to.deep.equal([0, 47, 95]);
    expect(report.runs[0]?.tokens.generated).to.equal(1);
    expect(report.runs[0]?.tokens.video).to.equal(60);
  });

  it('draws the same answer from the same seed', async () => {
    const hot = [...ask, '--frames', '2', '--temperature', '8', '--top-p', '0.95', '--max-new-tokens', '12', '--quiet'];
    const [a, b, c] = [
      await ffRun([...hot, '--seed', '1']),
      await ffRun([...hot, '--seed', '1']),
      await ffRun([...hot, '--seed', '2']),
    ];
    expect(a?.stdout).to.equal(b?.stdout);
    expect(a?.stdout).not.to.equal(c?.stdout);
  });

  it('says steps that have no shares without brackets', async () => {
    const { stderr } = await ffRun([...ask, '--frames', '2', '--verbose', '--reducer', 'random']);
    expect(stderr).to.match(/^random: drop before layer 0: \d+ rows -> \d+$/m);
  });
});
