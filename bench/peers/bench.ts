/** The work of `ff-bench peers`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Log } from '../../cli/log.ts';
import { openAdapter } from '../../cli/open-adapter.ts';
import { InputError } from '../../engine/errors.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { root } from '../../library/catalogue.ts';
import { deliver, prepareOutput } from '../common/common.ts';
import { originOf } from '../common/origin.ts';
import { measured, type Sample } from '../common/timing.ts';
import { WrongResultError } from '../common/wrong-result.ts';
import type { PeerArguments } from './arguments.ts';
import { type Engine, ourEngine, peerEngine } from './engine.ts';
import { type Job, type JobType, jobFlops, jobName, jobs } from './jobs.ts';
import { ourVariants } from './ours.ts';
import type { PeerReport, PeerResult } from './report.ts';
import { fairPeerSeconds, peerTables } from './table.ts';

/** The folder that peers are installed in, apart from the product; tests have their own. */
const FOLDER = process.env.FRAMEFUSION_PEERS || join(root, 'bench/peers');

/** Runs one command line. @throws One of the project's errors, whose message is the line to print. */
export async function benchPeers(args: PeerArguments, tool: string): Promise<void> {
  const log = new Log('ff-bench', args);
  const baseline = await prepareOutput(args, 'peers');
  if (args.install) await install(log);
  using runtime = await openAdapter(args.adapter, log);
  const { engines, missing } = await openPeers(runtime, args, log);
  for (const line of missing) log.note(`${log.tool}: ${line}`);
  const results: PeerResult[] = [];
  try {
    for (const job of jobs({ quick: args.quick, gpu: runtime.adapterKind === 'gpu' })) {
      const ours = ourVariants(runtime, job).map((variant) => ourEngine(runtime, variant, tool));
      results.push(...(await compete(job, [...ours, ...engines], args, log)));
    }
  } finally {
    for (const engine of engines) engine.close();
    log.clear();
  }
  const report: PeerReport = {
    ...originOf(runtime, tool, args.seed),
    bench: 'peers',
    results,
    missing,
    figures: results.flatMap((result) => {
      const seconds = fairPeerSeconds(runtime.adapterKind, result);
      return seconds ? [{ id: `${result.job}, ${result.engine} ${result.format}`, unit: 's', ...seconds }] : [];
    }),
  };
  await deliver(args, report, { tables: peerTables(report), baseline });
}

/** @throws InputError if npm fails, or this is no checkout. */
async function install(log: Log): Promise<void> {
  if (!existsSync(join(FOLDER, 'package.json')))
    throw new InputError(`${FOLDER}: is not there. ff-bench peers needs a checkout of the project.`);
  log.note(`${log.tool}: installing peers into ${FOLDER}`);
  // Their scripts fetch libraries for other processors and drivers, which none of this needs.
  const options = ['ci', '--ignore-scripts', '--no-audit', '--no-fund'];
  const npm = spawn('npm', options, {
    cwd: FOLDER,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  const [code] = await Promise.race([once(npm, 'exit'), once(npm, 'error')]);
  if (code !== 0) throw new InputError(`${FOLDER}: npm could not install the peers (${code}).`);
}

/** Every peer in every format that the adapter has. */
async function openPeers(runtime: Runtime, args: PeerArguments, log: Log) {
  const engines: Engine[] = [];
  const missing: string[] = [];
  const types: JobType[] = runtime.hasF16 ? ['f32', 'f16'] : ['f32'];
  if (!existsSync(join(FOLDER, 'node_modules')))
    return { engines, missing: args.peers.map((peer) => `${peer} is not installed: ff-bench peers --install gets it`) };
  for (const peer of args.peers)
    for (const type of types) {
      log.progress(`starting ${peer}`);
      try {
        engines.push(await peerEngine(peer, type, { folder: FOLDER, adapter: args.adapter }));
      } catch (error) {
        missing.push(`${peer} cannot run here: ${(error as Error).message}`);
        break;
      }
    }
  return { engines, missing };
}

/** Seconds that one timing should take at least. */
const FILLED = 0.1;

/** Everybody does the job once, checked; then round by round. @throws WrongResultError if our own result is wrong. */
async function compete(job: Job, engines: readonly Engine[], args: PeerArguments, log: Log): Promise<PeerResult[]> {
  const name = jobName(job);
  const entries: { engine: Engine; count: number; samples: Sample[]; reason?: string }[] = [];
  for (const engine of engines) {
    log.progress(`${name}: checking ${engine.name} ${engine.format}`);
    const reason = await engine.prepare(job, args.seed);
    if (reason !== undefined && engine.ours) throw new WrongResultError(`${name}, ${engine.format}: ${reason}.`);
    if (reason !== undefined) entries.push({ engine, count: 0, samples: [], reason });
    else {
      const { wall } = await engine.time(1);
      entries.push({ engine, count: Math.max(1, Math.min(50, Math.round(FILLED / wall))), samples: [] });
    }
  }
  for (let round = 0; round < args.rounds; round++)
    for (const { engine, count, samples } of entries.filter(({ reason }) => reason === undefined)) {
      log.progress(`${name}: round ${round + 1} of ${args.rounds}, ${engine.name} ${engine.format}`);
      samples.push(await engine.time(count));
    }
  for (const { engine } of entries) if (engine.ours) engine.close();
  return entries.map(({ engine: { name: engine, version, format, ours }, samples, reason }) => ({
    job: name,
    flops: jobFlops(job),
    engine,
    version,
    format,
    ours,
    ...(reason === undefined ? { measured: measured(samples) } : { reason }),
  }));
}
