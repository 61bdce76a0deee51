/** The work of `ff-worker`: what a queue has, with a model that stays loaded. */
import { chooseGpu } from '../../engine/gpu-index.ts';
import { Log } from '../log.ts';
import { openModel } from '../open-model.ts';
import { precisionOf } from '../report.ts';
import { handleSignals } from '../supervisor.ts';
import { Connection } from './connection.ts';
import type { Terms } from './job.ts';
import { QueueWorker, type Ready } from './queue-worker.ts';
import { findWanted } from './wanted-model.ts';
import { kindOf } from './work-kinds.ts';
import type { WorkerArguments } from './worker-arguments.ts';

/** Runs one command line, until a signal ends it, or as long as there is work. @throws What keeps it from working. */
export async function serveQueue(args: WorkerArguments, version: string): Promise<void> {
  const log = new Log('ff-worker', args);
  if (args.adapterIndex !== undefined) chooseGpu(args.adapterIndex);
  await using connection = await Connection.open(args.queue, log);
  if (args.clear) return await clear(connection, log); // before the connection is closed
  const worker = new QueueWorker(connection, { ...args, version, open: (terms) => load(terms, args, log) }, log);
  handleSignals((end) => void worker.giveBack().then(end, end));
  await worker.run();
}

/** Takes everything out of a queue. */
async function clear(connection: Connection, log: Log): Promise<void> {
  const { queue, address } = connection;
  const counts = await queue.getJobCounts('wait', 'active', 'delayed', 'completed', 'failed');
  await queue.obliterate({ force: true });
  await connection.forget();
  const jobs = Object.values(counts).reduce((sum, count) => sum + count, 0);
  log.note(`${log.tool}: ${address.shown}: cleared of ${jobs} ${jobs === 1 ? 'job' : 'jobs'}`);
}

async function load(terms: Terms, args: WorkerArguments, log: Log): Promise<Ready> {
  const choice = await findWanted(terms.model, log);
  const kind = await kindOf(terms, choice);
  const opened = await openModel({ ...args, ...terms.model }, choice, log, kind.wanted);
  const { model, runtime } = opened;
  const [dtype, adapter] = [precisionOf(model), runtime.adapterName];
  log.note(`${log.tool}: ${choice.name} is loaded, ${dtype} on ${adapter}`);
  const dispose = (): void => opened[Symbol.dispose]();
  return { dtype, adapter, work: (item) => kind.work(model, item, log), [Symbol.dispose]: dispose };
}
