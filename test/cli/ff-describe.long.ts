import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Described } from '../../cli/describe/line.ts';
import type { EvalReport } from '../../cli/eval/report.ts';
import type { Result } from '../../cli/eval/results.ts';
import { hasRedis, RedisServer } from '../../tools/redis-server.ts';
import { clip, ffRun, type RunOptions } from './process.ts';

const describeVideos = (args: readonly string[], options: RunOptions = {}) =>
  ffRun(args, { ...options, tool: 'ff-describe' });

/** Lines without what is measured. */
const told = (text: string): string => text.replace(/"seconds":\{[^}]*\}/g, '');

describe('ff-describe', () => {
  let folder: string;
  const asked = ['--prompt', 'Which object moves?', '--frames', '4'];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ff-describe-'));
    for (const name of ['a.mp4', 'b.mp4']) await copyFile(clip, join(folder, name));
    await writeFile(join(folder, 'damaged.mp4'), 'no video at all');
  });
  after(() => rm(folder, { recursive: true }));

  it('writes a line for each video, lists one that is damaged, and is not asked twice', async () => {
    const out = join(folder, 'alone.jsonl');
    const first = await describeVideos([folder, ...asked, '--out', out]);
    expect(first.code, first.stderr).to.equal(1);
    expect(first.stderr).to.match(/ff-describe: 1 of 3 videos failed\. .*damaged\.mp4: not a video\. [^\n]*\n$/);
    const lines = (await readFile(out, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Described & { error?: string });
    expect(lines.map(({ answer }) => answer)).to.deep.equal(['the purple ring', 'the purple ring', undefined]);
    expect(lines[2]?.error).to.match(/damaged\.mp4: not a video/);
    expect(lines[0]).to.deep.include({ sampled: 4, reducer: 'framefusion', prompt: 'Which object moves?', frames: 4 });
    expect(lines[0]?.tokens.kept).to.equal(Math.round(0.3 * lines[0]!.tokens.video));
    await rm(join(folder, 'damaged.mp4'));
    const again = await describeVideos([folder, ...asked, '--out', out]);
    expect([again.code, again.stderr]).to.deep.equal([0, 'ff-describe: 2 of 2 are done\n']);
    expect(await readFile(out, 'utf8')).to.equal(
      `${lines
        .slice(0, 2)
        .map((line) => JSON.stringify(line))
        .join('\n')}\n`,
    );
  });

  it('through a queue writes the same lines, and ff-eval keeps answers in the order of its questions', async function () {
    if (!hasRedis()) return this.skip();
    await using redis = await RedisServer.start();
    const queue = redis.queue('all');
    const [data, results, out] = ['questions.jsonl', 'results.jsonl', 'queued.jsonl'].map((name) => join(folder, name));
    const question = { video: 'b.mp4', question: 'Which object moves?', answer: 'the purple ring', type: 'moves' };
    await writeFile(data!, [question, { ...question, video: 'a.mp4' }].map((one) => JSON.stringify(one)).join('\n'));
    const evaluated = ['--data', data!, '--frames', '4', '--reducer', 'none', '--results', results!, '--json', '-'];
    const asking = Promise.all([
      describeVideos([folder, ...asked, '--out', out!, '--queue', queue]),
      ffRun([...evaluated, '--queue', queue], { tool: 'ff-eval' }),
    ]);
    const working = ffRun(['--queue', queue], { tool: 'ff-worker', interrupt: { signal: 'SIGTERM', when: asking } });
    const [described, answered] = await asking;
    expect([described.code, answered.code], described.stderr + answered.stderr).to.deep.equal([0, 0]);
    const worker = await working;
    expect(worker.signal, worker.stderr).to.equal('SIGTERM');
    const alone = await readFile(join(folder, 'alone.jsonl'), 'utf8');
    expect(told(await readFile(out!, 'utf8'))).to.equal(told(alone));
    const [header, ...lines] = (await readFile(results!, 'utf8')).trimEnd().split('\n');
    const { dtype } = JSON.parse(alone.split('\n')[0]!) as Described;
    expect(JSON.parse(header!)).to.include({ version: 2, dtype, frames: 4 });
    const kept = lines.map((line) => JSON.parse(line) as Result);
    expect(kept.map((one) => [one.question, one.answer, one.right])).to.deep.equal([
      [0, 'the purple ring', true],
      [1, 'the purple ring', true],
    ]);
    expect((JSON.parse(answered.stdout) as EvalReport).runs[0]).to.include({ right: 2, total: 2 });
  });

  it('that is interrupted leaves the queue, says how to go on, and how to clear it', async function () {
    if (!hasRedis()) return this.skip();
    await using redis = await RedisServer.start();
    const queue = redis.queue('left');
    const videos = ['a.mp4', 'b.mp4'].map((name) => join(folder, name));
    const args = [...videos, ...asked, '--out', join(folder, 'left.jsonl'), '--queue', queue];
    let hear: (text: string) => unknown;
    const filled = new Promise<void>((resolve) => {
      hear = (text) => text.includes('no worker is there yet') && resolve();
    });
    const left = await describeVideos(args, { heard: hear!, interrupt: { signal: 'SIGINT', when: filled } });
    expect([left.code, left.signal]).to.deep.equal([null, 'SIGINT']);
    expect(left.stderr).to.contain(
      `ff-describe: ended; 2 videos stay in ${queue}, and workers go on with them. To collect them, give the same command again. To clear the queue: ff-worker --queue ${queue} --clear\n`,
    );
    const cleared = await ffRun(['--queue', queue, '--clear'], { tool: 'ff-worker' });
    expect([cleared.code, cleared.stderr]).to.deep.equal([0, `ff-worker: ${queue}: cleared of 2 jobs\n`]);
  });
});
