/**
 * `npm run bench:queue`: how many videos a second 1, 2 and 4 workers describe with the embedded model, and what the queue
 * itself costs a job: time, commands and bytes of Redis.
 *
 *     npm run bench:queue -- [--videos 40] [--jobs 2000] [--adapter auto]
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Log } from '../../cli/log.ts';
import { queueAddress } from '../../cli/queue/address.ts';
import { Collector } from '../../cli/queue/collect.ts';
import { alignRows } from '../../cli/table.ts';
import { programFlags } from '../../tools/flags.ts';
import { RedisServer } from '../../tools/redis-server.ts';
import { kill, manyVideos, run, SMALL, start } from './programs.ts';
import { type ToyAnswer, toyItems, toyTerms } from './toy.ts';

const values = programFlags(
  'Measures what a queue costs a job, and how many videos a second 1, 2 and 4 workers describe.',
  {
    videos: { type: 'string', default: '40', help: 'how many videos are described' },
    jobs: { type: 'string', default: '2000', help: 'how many empty jobs are passed on' },
    adapter: { type: 'string', default: 'auto', help: 'auto, gpu, software or embedded' },
  },
);
const [videos, jobs] = [Number(values.videos), Number(values.jobs)];
/** Videos with which workers warm up. */
const WARM = 4;
const folder = await mkdtemp(join(tmpdir(), 'ff-throughput-'));
const redis = await RedisServer.start();

/** Numbers of `INFO`. */
function info(section: string, ...names: readonly string[]): number[] {
  const text = execFileSync('redis-cli', ['-p', String(redis.port), 'info', section], { encoding: 'utf8' });
  return names.map((name) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(text)?.[1]));
}

/** Seconds that work takes. */
async function seconds(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return (performance.now() - before) / 1000;
}

/** Workers that have their model when the clock starts: each has described the first videos. */
async function withWorkers(count: number): Promise<string[]> {
  const queue = redis.queue(`workers-${count}`);
  const asked = ['--queue', queue, ...SMALL, '--quiet', '--out'];
  const workers = Array.from({ length: count }, () =>
    start('ff-worker', ['--queue', queue, '--adapter', values.adapter]),
  );
  try {
    while (!workers.every(({ said }) => said().includes('waiting for work'))) await sleep(100);
    await run('ff-describe', [join(folder, 'warm'), ...asked, join(folder, `warm-${count}.jsonl`)]);
    const took = await seconds(() =>
      run('ff-describe', [join(folder, 'videos'), ...asked, join(folder, `${count}.jsonl`)]),
    );
    const loaded = workers.filter(({ said }) => said().includes('is loaded')).length;
    return [`${loaded} of ${count}`, `${took.toFixed(1)} s`, (videos / took).toFixed(2)];
  } finally {
    for (const { process: child } of workers) await kill(child);
  }
}

/** The same in one process, without a queue. */
async function alone(): Promise<string[]> {
  const asked = [...SMALL, '--adapter', values.adapter, '--out'];
  const one = await seconds(() => run('ff-describe', [join(folder, 'warm'), ...asked, join(folder, 'warm.jsonl')]));
  const all = await seconds(() => run('ff-describe', [join(folder, 'videos'), ...asked, join(folder, 'one.jsonl')]));
  // Its start is no part of the rate: that of the few is taken away from that of the many.
  const rate = (videos - WARM) / (all - one);
  return ['no queue', `${(videos / rate).toFixed(1)} s`, rate.toFixed(2)];
}

/** What jobs cost that are no work: everything but the model. */
async function emptyJobs(): Promise<void> {
  const queue = redis.queue('empty');
  const options = { version: 'toy 1', dtype: 'f32', lease: 60, workMs: 0 };
  const program = fileURLToPath(new URL('../../dist-bench/toy-worker.js', import.meta.url));
  const items = toyItems(Array.from({ length: jobs }, (_, i) => `/videos/library/${String(i).padStart(6, '0')}.mp4`));
  const sink = { done: async () => undefined, failed: async () => undefined, sync: async () => undefined };
  const batch = { id: 'empty', tries: 3, address: queueAddress(queue) };
  const log = new Log('bench:queue', { quiet: true });
  const names = ['total_commands_processed', 'used_cpu_user_main_thread', 'used_cpu_sys_main_thread'];
  const [memory = 0] = info('memory', 'used_memory');
  const [commands = 0, user = 0, system = 0] = info('all', ...names);
  await using collector = await Collector.open<ToyAnswer, (typeof items)[number]>(batch, sink, log);
  const collecting = collector.collect(toyTerms('toy 1'), items, undefined);
  const filled = await seconds(async () => {
    while (Number(execFileSync('redis-cli', ['-p', String(redis.port), 'llen', 'framefusion:empty:wait'])) < jobs)
      await sleep(20);
  });
  const [full = 0] = info('memory', 'used_memory');
  const worker = spawn(process.execPath, [program, queue, JSON.stringify(options)], { stdio: 'ignore' });
  try {
    const took = await seconds(() => collecting);
    const [after = 0, userAfter = 0, systemAfter = 0] = info('all', ...names);
    const each = (total: number, digits: number): string => (total / jobs).toFixed(digits);
    console.log(
      alignRows([
        ['of an empty job', ''],
        ['giving it out', `${each(1000 * filled, 2)} ms`],
        ['taking it, answering, collecting (one worker)', `${each(1000 * took, 2)} ms`],
        ['processor of Redis', `${each(1000 * (userAfter + systemAfter - user - system), 2)} ms`],
        ['commands', each(after - commands, 1)],
        ['memory of Redis while it waits', `${each(full - memory, 0)} bytes`],
      ]),
    );
  } finally {
    await kill(worker);
  }
}

try {
  await manyVideos(join(folder, 'warm'), WARM);
  await manyVideos(join(folder, 'videos'), videos);
  console.log(`${videos} videos, embedded model, one frame; ${cpus().length} cores, adapter ${values.adapter}\n`);
  await emptyJobs();
  const rows = [['workers', 'time', 'videos a second'], await alone()];
  for (const count of [1, 2, 4]) rows.push(await withWorkers(count));
  console.log(`\n${alignRows(rows)}`);
} finally {
  await redis[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}
