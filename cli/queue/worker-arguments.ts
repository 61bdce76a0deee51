/** The flags of `ff-worker`. */
import { commandLine, exitCodes, flag, needed, number, on, shared, UsageError, type Values, whole } from '../flags.ts';
import { queueAddress } from './address.ts';

const flags = {
  queue: needed(flag('redis://HOST/NAME', 'where ff-eval and ff-describe put work', queueAddress)),
  adapter: shared.adapter,
  'adapter-index': flag('N', 'which GPU of a machine that has several, from 0 on: a worker for each', whole(1000)),
  lease: flag(
    'SECONDS',
    'a worker that is silent for so long has lost its job to others (default 60)',
    number('from 1 to 86400 seconds', (x) => x >= 1 && x <= 86_400),
    60,
  ),
  idle: flag(
    'SECONDS',
    'end after so long without work (default: wait for ever)',
    number('from 1 second on', (x) => x >= 1),
  ),
  clear: on('take everything out of the queue instead, and end'),
  quiet: shared.quiet,
  help: shared.help,
  version: shared.version,
};

/** What `ff-worker` was asked to do. */
export type WorkerArguments = Values<typeof flags>;

export const workerLine = commandLine('ff-worker', {
  about: `Usage: ff-worker --queue redis://HOST/NAME [--adapter-index N] [...]

Does the work that ff-eval --queue and ff-describe --queue give out (docs/scale.md): one video at a
time, with the model that the work names, from the cache of this machine. Any number may run.`,
  flags,
  end: () => exitCodes('1 failed or refused'),
  args: (values) => {
    const { adapter, adapterIndex } = values;
    if (adapterIndex !== undefined && (adapter === 'software' || adapter === 'embedded'))
      throw new UsageError(`--adapter-index chooses among GPUs: leave --adapter ${adapter} out.`);
    return values;
  },
});
