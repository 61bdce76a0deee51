/** The flags of a queue, which `ff-eval` and `ff-describe` share. */
import { type FlagTable, type FlagValues, given, UsageError } from '../flags.ts';
import { isModulePath } from '../values.ts';
import { type QueueAddress, queueAddress } from './address.ts';

/** What a command line says of a queue. */
export interface QueueFlags {
  /** Where work goes; absent: it is done here. */
  readonly queue?: QueueAddress;
  /** How often a video may fail, or its worker die over it, before it is given up. */
  readonly tries: number;
}

/** Their table. */
export const queueFlags = {
  queue: { value: 'redis://HOST/NAME', help: 'let ff-worker do the work, on any number of machines (docs/scale.md)' },
  tries: { value: 'N', help: 'with --queue, give a video up when it has failed N times (default 3)' },
} as const satisfies FlagTable;

/** @throws UsageError for an address that is none. */
export function queueOf(values: FlagValues<typeof queueFlags>): QueueFlags {
  const address = values.text('queue');
  return {
    ...given('queue', address === undefined ? undefined : queueAddress(address)),
    tries: values.count('tries', 1000) ?? 3,
  };
}

/** Whoever can write into a queue should not thereby run a program. @throws UsageError for a module of the user's own. */
export function noModules({ queue }: QueueFlags, named: Readonly<Record<string, readonly string[]>>): void {
  if (!queue) return;
  for (const [flag, values] of Object.entries(named))
    for (const value of values)
      if (isModulePath(value))
        throw new UsageError(
          `--${flag} ${value}: a module of your own does not go through a queue. Leave --queue out.`,
        );
}
