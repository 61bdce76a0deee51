/**
 * `npm run soak:queue`: many small jobs on workers that are killed at random, and collected by a process that is killed in
 * the middle. What comes of it must be, line for line, what one process writes.
 *
 *     npm run soak:queue -- [--jobs 200] [--kills 20] [--workers 3] [--adapter auto]
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { programFlags } from '../../tools/flags.ts';
import { randomStream } from '../../tools/random.ts';
import { RedisServer } from '../../tools/redis-server.ts';
import { kill, manyVideos, run, SMALL, start, success } from './programs.ts';

const values = programFlags(
  'Kills workers at random over many small jobs, once what collects them, and compares with what one process writes.',
  {
    jobs: { type: 'string', default: '200', help: 'how many jobs' },
    kills: { type: 'string', default: '20', help: 'how often a worker is killed' },
    workers: { type: 'string', default: '3', help: 'how many workers' },
    adapter: { type: 'string', default: 'auto', help: 'auto, gpu, software or embedded' },
  },
);
const [jobs, kills, count] = [values.jobs, values.kills, values.workers].map(Number) as [number, number, number];
const adapter = ['--adapter', values.adapter];
const folder = await mkdtemp(join(tmpdir(), 'ff-soak-'));
const videos = join(folder, 'videos');
const started = performance.now();
const say = (text: string): void =>
  console.log(`${((performance.now() - started) / 1000).toFixed(0).padStart(5)} s  ${text}`);

/** Lines without what is measured, and so never the same. */
async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(join(folder, file), 'utf8').catch(() => '');
  return text.split('\n').map((line) => line.replace(/"seconds":\{[^}]*\}/, ''));
}

const redis = await RedisServer.start();
const queue = redis.queue('soak');
const worker = () => start('ff-worker', ['--queue', queue, '--lease', '5', ...adapter]);
const workers = Array.from({ length: count }, worker);
try {
  await manyVideos(videos, jobs);
  const asked = [videos, ...SMALL, '--out'];
  const collect = () =>
    start('ff-describe', [...asked, join(folder, 'many.jsonl'), '--queue', queue, '--tries', String(kills)]);
  let collector = collect();
  const random = randomStream(1);
  for (let killed = 0; killed < kills && collector.process.exitCode === null; ) {
    await sleep(200 + (random() % 800));
    const done = (await linesOf('many.jsonl')).length - 1;
    if (done < ((killed + 1) * jobs) / (kills + 1)) continue;
    const at = random() % count;
    workers[at]?.process.kill('SIGKILL');
    workers[at] = worker();
    say(`kill ${++killed} of ${kills}: worker ${at}, after ${done} of ${jobs} jobs`);
    if (killed !== Math.ceil(kills / 2)) continue;
    await kill(collector.process);
    collector = collect();
    say('what collects is killed, too, and started again');
  }
  await success(collector);
  say(`${jobs} jobs are collected`);
  await run('ff-describe', [...asked, join(folder, 'one.jsonl'), ...adapter]);
  const [ofMany, ofOne] = [await linesOf('many.jsonl'), await linesOf('one.jsonl')];
  const differ = ofOne.filter((line, i) => line !== ofMany[i]).length;
  say(`${ofOne.length - 1} lines of one process; ${ofMany.length - 1} of the queue; ${differ} differ`);
  process.exitCode = differ === 0 && ofOne.length === jobs + 1 && ofMany.length === ofOne.length ? 0 : 1;
} finally {
  for (const { process: child } of workers) await kill(child);
  await redis[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}
