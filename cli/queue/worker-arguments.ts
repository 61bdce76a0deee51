/** The flags of `ff-worker`. */
import { type AdapterChoice, adapterChoices } from '../../engine/node-adapter.ts';
import { type FlagTable, FlagValues, flagLines, given, shared, UsageError } from '../flags.ts';
import { type QueueAddress, queueAddress } from './address.ts';

/** What `ff-worker` was asked to do. */
export interface WorkerArguments {
  readonly queue: QueueAddress;
  readonly adapter: AdapterChoice;
  /** Of the machine's GPUs, from 0 on; absent: the one that the driver prefers. */
  readonly adapterIndex?: number;
  /** Seconds without a sign of life, after which a job is another worker's. */
  readonly lease: number;
  /** Seconds without work, after which it ends; absent: never. */
  readonly idle?: number;
  /** Whether it only takes everything out of the queue. */
  readonly clear: boolean;
  readonly quiet: boolean;
}

const flags = {
  queue: { value: 'redis://HOST/NAME', help: 'where ff-eval and ff-describe put work' },
  adapter: shared.adapter,
  'adapter-index': { value: 'N', help: 'which GPU of a machine that has several, from 0 on: a worker for each' },
  lease: { value: 'SECONDS', help: 'a worker that is silent for so long has lost its job to others (default 60)' },
  idle: { value: 'SECONDS', help: 'end after so long without work (default: wait for ever)' },
  clear: { help: 'instead take everything out of the queue, and end' },
  quiet: shared.quiet,
  help: shared.help,
  version: shared.version,
} as const satisfies FlagTable;

/** The text of `--help`. */
export function workerHelp(): string {
  return [
    'Usage: ff-worker --queue redis://HOST/NAME [--adapter-index N] [...]',
    '',
    'Does the work that ff-eval --queue and ff-describe --queue give out (docs/scale.md): one video at a',
    'time, with the model that the work names, from the cache of this machine. Any number may run.',
    '',
    ...flagLines(flags),
    '',
    'Exit codes: 0 done, 1 failed or refused, 2 wrong command line, 130 interrupted.',
  ].join('\n');
}

/** @throws UsageError with one line that says what is wrong. */
export function parseWorkerArguments(argv: readonly string[]): WorkerArguments | 'help' | 'version' {
  const values = new FlagValues('ff-worker', flags, argv);
  if (values.has('help')) return 'help';
  if (values.has('version')) return 'version';
  const queue = values.text('queue');
  if (!queue) throw new UsageError('--queue redis://HOST/NAME is needed. See ff-worker --help.');
  const adapter = values.oneOf('adapter', adapterChoices) ?? 'auto';
  const isIndex = (x: number): boolean => Number.isSafeInteger(x) && x >= 0 && x < 1000;
  const index = values.number('adapter-index', 'a whole number from 0 on', isIndex);
  if (index !== undefined && (adapter === 'software' || adapter === 'embedded'))
    throw new UsageError(`--adapter-index chooses among GPUs: leave --adapter ${adapter} out.`);
  return {
    queue: queueAddress(queue),
    adapter,
    ...given('adapterIndex', index),
    lease: values.number('lease', 'from 1 to 86400 seconds', (x) => x >= 1 && x <= 86_400) ?? 60,
    ...given(
      'idle',
      values.number('idle', 'from 1 second on', (x) => x >= 1),
    ),
    clear: values.has('clear'),
    quiet: values.has('quiet'),
  };
}
