import { setImmediate } from 'node:timers/promises';

/** The longest that the event loop is blocked at a time, in milliseconds. */
const LONGEST = 1;
/** Nobody wakes it: waiting on it is sleeping. */
const sleepCell = new Int32Array(new SharedArrayBuffer(4));
let waiters = 0;

/**
 * Waits for an adapter that computes on the processor. As long as a promise of Dawn is open, its Node binding polls in every
 * turn of the event loop, and by that takes a core from the work that it waits for. So each turn blocks the thread a
 * little: first a twentieth of a millisecond, as short work is soon done, then up to one.
 */
export async function pollWithBackoff<T>(pending: Promise<T>): Promise<T> {
  let open = true;
  const close = (): void => {
    open = false;
  };
  pending.then(close, close);
  waiters += 1;
  try {
    for (let sleep = 0.05; ; sleep = Math.min(1.25 * sleep, LONGEST)) {
      await setImmediate();
      if (!open) break;
      Atomics.wait(sleepCell, 0, 0, sleep / waiters); // several that wait share a turn's sleep
    }
  } finally {
    waiters -= 1;
  }
  return pending;
}
