/** The flags of a queue, which `ff-eval` and `ff-describe` share. */
import { count, flag, UsageError } from '../flags.ts';
import { isModulePath } from '../values.ts';
import { type QueueAddress, queueAddress } from './address.ts';

/** Where work goes; without `queue` it is done here. */
export const queueFlags = {
  queue: flag(
    'redis://HOST/NAME',
    'let ff-worker do the work, on any number of machines (docs/scale.md)',
    queueAddress,
  ),
  tries: flag('N', 'with --queue, give a video up when it has failed N times (default 3)', count(1000), 3),
};

/** Who can write into a queue must not thereby run a program. @throws UsageError for a module of the user's own. */
export function noModules(queue: QueueAddress | undefined, named: Readonly<Record<string, readonly string[]>>): void {
  if (!queue) return;
  for (const [flag, values] of Object.entries(named))
    for (const value of values.filter(isModulePath))
      throw new UsageError(`--${flag} ${value}: a module of your own does not go through a queue. Leave --queue out.`);
}
