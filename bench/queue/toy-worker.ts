/**
 * A worker whose work is a pause and a hash: everything about the queue is the product's, and only the model is not. Tests
 * kill it, and `npm run bench:queue` measures with it what the queue itself costs.
 *
 *     node dist-bench/toy-worker.js ADDRESS '{ "version", "dtype", "lease", "workMs", "idle"?, "diary"? }'
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Log } from '../../cli/log.ts';
import { queueAddress } from '../../cli/queue/address.ts';
import { Connection } from '../../cli/queue/connection.ts';
import type { Item } from '../../cli/queue/job.ts';
import { QueueWorker } from '../../cli/queue/queue-worker.ts';
import { InputError } from '../../engine/errors.ts';
import { type ToyAnswer, toyAnswer } from './toy.ts';

/** How a toy worker works. */
export interface ToyOptions {
  readonly version: string;
  readonly dtype: string;
  /** Seconds. */
  readonly lease: number;
  readonly workMs: number;
  readonly idle?: number;
  /** A file that gets a line for every job that is begun. */
  readonly diary?: string;
}

const [, , address = '', text = ''] = process.argv;
const options = JSON.parse(text) as ToyOptions;

async function work(item: Item): Promise<ToyAnswer> {
  if (options.diary !== undefined) appendFileSync(options.diary, `${item.video}\n`);
  if (item.video.startsWith('poison')) throw new InputError(`${item.video}: is no video.`);
  if (item.video.startsWith('killer')) process.kill(process.pid, 'SIGKILL');
  await sleep(options.workMs);
  return toyAnswer(item);
}

const log = new Log('toy-worker', { quiet: false });
try {
  await using connection = await Connection.open(queueAddress(address), log);
  const open = async () => ({ dtype: options.dtype, adapter: 'none', work, [Symbol.dispose]: () => undefined });
  const worker = new QueueWorker(connection, { ...options, open }, log);
  process.once('SIGTERM', () => void worker.giveBack().finally(() => process.exit()));
  await worker.run();
} catch (error) {
  log.note(`toy-worker: ${(error as Error).message}`);
  process.exitCode = 1;
}
