import { setTimeout as sleep } from 'node:timers/promises';
import { bytesText } from '../engine/text.ts';
import { HubError } from './errors.ts';
import type { Hub } from './hub.ts';

const LONGEST_BACKOFF_MS = 30_000;

/** A wait that a user would wonder about. */
const NOTED_MS = 5000;

/**
 * Does `work` until it succeeds, fails for good, or has failed too often without getting on.
 *
 * @param arrived - Bytes that are there: an attempt that raised it starts the count again.
 * @throws HubError of the last attempt, with what to do.
 */
export async function retrying<T>(hub: Hub, work: () => Promise<T>, arrived: () => number = () => 0): Promise<T> {
  const { attempts, totalAttempts } = hub.settings.timing;
  for (let total = 1, idle = 0; ; total++) {
    const before = arrived();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof HubError && error.transient)) throw error;
      idle = arrived() > before ? 0 : idle + 1;
      if (idle >= attempts || total >= totalAttempts) throw givenUp(error, total, arrived());
      await pause(hub, error, idle);
    }
  }
}

async function pause({ settings, signal, note }: Hub, error: HubError, idle: number): Promise<void> {
  const backoff = settings.timing.backoffMs * 2 ** Math.max(0, idle - 1) * (0.5 + Math.random() / 2);
  const ms = error.waitMs ?? Math.min(backoff, LONGEST_BACKOFF_MS);
  if (ms > NOTED_MS) note(`${error.message} Trying again in ${Math.ceil(ms / 1000)} s.`);
  await sleep(ms, undefined, { signal });
}

function givenUp(error: HubError, total: number, arrived: number): HubError {
  if (total === 1) return error; // it was not asked to persist
  const kept = arrived > 0 ? ` ${bytesText(arrived)} are kept: run again to go on from there.` : ' Try again later.';
  return new HubError(`${error.message} Gave up after ${total} attempts.${kept}`, { cause: error });
}
