import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { KernelReport } from '../../bench/kernels/report.ts';
import type { ModelReport } from '../../bench/model/report.ts';
import type { PeerReport } from '../../bench/peers/report.ts';
import { ffRun, type RunOptions } from '../cli/process.ts';

const bench = (args: readonly string[], options: RunOptions = {}) => ffRun(args, { ...options, tool: 'ff-bench' });

/** A peer that multiplies in JavaScript, and knows no attention. */
const HONEST = `
export const packageName = 'honest';
export const open = async () => ({
  prepare: async ({ kind, n, k, x, w }) => {
    if (kind !== 'matmul') throw new Error('it knows no attention');
    const element = (row, column) => {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += x[row * k + i] * w[column * k + i];
      return sum;
    };
    const run = async (rows) => Float32Array.from(rows.flatMap((row) => Array.from({ length: n }, (_, c) => element(row, c))));
    return { run, close: () => undefined };
  },
});`;

describe('ff-bench', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-bench-'));
  });
  after(() => rm(folder, { recursive: true }));

  const read = async <T>(name: string): Promise<T> => JSON.parse(await readFile(join(folder, name), 'utf8')) as T;

  it('explains itself and each bench', async () => {
    expect((await bench(['--help'])).stdout).to.match(/model .*\n.*kernels .*\n.*peers /);
    for (const [name, flags] of [
      ['model', ['preset', 'layers', 'frames', 'cost', 'baseline', 'json', 'report', 'rounds']],
      ['kernels', ['sizes', 'kernel', 'quick', 'baseline', 'json']],
      ['peers', ['peers', 'install', 'quick', 'json']],
    ] as const) {
      const { stdout, code } = await bench([name, '--help']);
      expect(code).to.equal(0);
      for (const flag of flags) expect(stdout).to.match(new RegExp(`^ {2}--${flag}\\b.* \\S`, 'm'));
    }
  });

  it('times a model, dense and reduced, and draws its curves', async () => {
    const [json, page] = ['model.json', 'model.html'].map((name) => join(folder, name));
    const asked = ['model', '--frames', '1,2', '--cost', '0.4', '--rounds', '2', '--max-new-tokens', '3'];
    const { stdout, stderr, code } = await bench([...asked, '--json', json!, '--report', page!, '--quiet']);
    expect(stderr).to.equal('');
    expect(code).to.equal(0);
    expect(stdout).to.match(/2 frames +cost 0\.4 .*x .*x .* %/);
    const report = await read<ModelReport>('model.json');
    expect([report.version, report.bench, report.results.length]).to.deep.equal([1, 'model', 2]);
    for (const { costs, visionFlops, vision, videoTokens } of report.results) {
      expect(visionFlops / vision.wall.median).to.be.above(0);
      const [dense, reduced] = costs;
      expect([dense!.cost, reduced!.cost, dense!.computedShare, dense!.speedUp, dense!.ceiling]).to.deep.equal([
        1, 0.4, 1, 1, 1,
      ]);
      expect(reduced!.computedShare).to.be.within(0.3, 0.4 + 1 / videoTokens);
      expect(reduced!.ceiling).to.be.above(1);
      expect(reduced!.speedUp).to.be.above(0).and.below(100);
      expect(reduced!.cacheBytes).to.be.below(dense!.cacheBytes);
      for (const { prefill, decode } of costs)
        for (const { low, median, high } of [prefill.wall, prefill.cpu, decode!.wall]) {
          expect(low).to.be.above(0).and.at.most(median);
          expect(high).to.be.at.least(median);
        }
    }
    expect(await readFile(page!, 'utf8')).to.match(/^<!doctype html>.*<svg.*Speed-up of the prefill.*<\/html>\s*$/is);
  });

  it('times real shapes with seeded weights, cut in depth', async () => {
    const args = [
      'model',
      '--preset',
      'tiny',
      '--layers',
      '4',
      '--vision-layers',
      '1',
      '--frames',
      '3',
      '--cost',
      '0.5',
    ];
    const { stdout, code } = await bench([...args, '--rounds', '1', '--max-new-tokens', '3', '--json', '-']);
    expect(code).to.equal(0);
    const { model, results, seed } = JSON.parse(stdout) as ModelReport;
    expect([model.layers, results[0]!.costs[1]!.layers.length, seed]).to.deep.equal([4, 4, 0]);
    expect(model.name).to.equal('tiny, weights of seed 0, 4 layers, 1 vision layers');
  });

  it('checks and times kernels, and compares with an earlier run', async () => {
    const json = join(folder, 'kernels.json');
    const kernels = ['rms-norm', 'rope', 'argmax', 'similarity', 'top-k', 'compact-rows', 'pool'];
    const args = ['kernels', '--quick', '--sizes', '0.5b', '--kernel', kernels.join(), '--rounds', '2'];
    expect((await bench([...args, '--json', json, '--quiet'])).code).to.equal(0);
    const { results, copy, figures } = await read<KernelReport>('kernels.json');
    expect(results.map(({ kernel }) => kernel).sort()).to.deep.equal(kernels.toSorted());
    expect(copy.bytesPerSecond).to.be.above(0);
    for (const { median } of figures) expect(median).to.be.above(0);
    const { stdout, code } = await bench([...args, '--baseline', json, '--quiet']);
    expect(code).to.equal(0);
    expect(stdout).to.match(/Against .*kernels\.json.*\n.*before +now +change\n.*0\.5b, rope, .* %/);
  });

  it('names peers that cannot take part, and compares with those that can', async () => {
    const [peers, json] = [join(folder, 'peers'), join(folder, 'peers.json')];
    const env = { FRAMEFUSION_PEERS: peers };
    const args = ['peers', '--quick', '--rounds', '1', '--json', json];
    const absent = await bench(args, { env });
    expect(absent.stderr).to.match(/tfjs-webgpu is not installed: ff-bench peers --install gets it/);
    await mkdir(join(peers, 'node_modules/honest'), { recursive: true });
    await writeFile(join(peers, 'node_modules/honest/package.json'), '{ "version": "1.2.3" }');
    await writeFile(join(peers, 'jax-js.mjs'), HONEST);
    await writeFile(join(peers, 'tfjs-webgpu.mjs'), 'throw new Error("made to fail")');
    const { stdout, stderr, code } = await bench([...args, '--peers', 'jax-js,tfjs-webgpu'], { env });
    expect(code).to.equal(0);
    expect(stderr).to.match(/^ff-bench: tfjs-webgpu cannot run here: made to fail$/m);
    expect(stdout)
      .to.match(/jax-js 1\.2\.3 +f32 .* [mu]?s .*x/)
      .and.match(/jax-js 1\.2\.3 .*it knows no attention/);
    const { results, missing } = await read<PeerReport>('peers.json');
    expect(missing).to.have.length(1);
    // The peer of this test multiplies in f32 alone.
    for (const { ours, measured, job, format } of results)
      if (ours || (job.startsWith('matmul') && format === 'f32')) expect(measured!.wall.median).to.be.above(0);
  });

  it('answers bad input with one line', async () => {
    const cases: [string[], number, RegExp][] = [
      [['all'], 2, /model, kernels or peers is needed, got "all"/],
      [['model', '--preset', 'huge'], 2, /--preset must be tiny, .*got "huge"/],
      [['model', '--layers', '2'], 2, /--layers cuts a preset, and none is given/],
      [['model', '--preset', 'tiny', '--model', 'x'], 2, /--preset and --model cannot both be given/],
      [['model', '--cost', '0.3,1'], 2, /--cost must be above 0 and below 1, got "1"/],
      [['model', '--video', join(folder, 'none.mp4')], 1, /none\.mp4/],
      [['model', '--baseline', join(folder, 'none.json')], 1, /--baseline .*none\.json: cannot be read/],
      [['kernels', '--kernel', 'magic', '--quick'], 2, /--kernel magic: no such kernel/],
      [['kernels', '--report', 'x.pdf'], 2, /--report must name a \.html file/],
      [['peers', '--peers', 'ours'], 2, /--peers must be onnxruntime-web, .*got "ours"/],
    ];
    for (const [args, exitCode, line] of cases) {
      const { code, stdout, stderr } = await bench([...args, '--quiet']);
      expect(stderr).to.match(line);
      expect(stderr.trimEnd().split('\n')).to.have.length(1);
      expect([stdout, code]).to.deep.equal(['', exitCode]);
    }
  });
});
