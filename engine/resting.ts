import { setImmediate } from 'node:timers/promises';

/** The longest that the event loop is held up at a time, in milliseconds. */
const LONGEST = 1;
const bed = new Int32Array(new SharedArrayBuffer(4));
let waiters = 0;

/**
 * Waits for an adapter that computes on the processor. As long as a promise of Dawn is open, its Node binding asks for news in
 * every turn of the event loop, and by that takes a core from the work that it asks for. So each turn sleeps a little:
 * first a twentieth of a millisecond, as short work is soon done, then up to one.
 */
export async function resting<T>(news: Promise<T>): Promise<T> {
  let open = true;
  const close = (): void => {
    open = false;
  };
  news.then(close, close);
  waiters += 1;
  try {
    for (let rest = 0.05; ; rest = Math.min(1.25 * rest, LONGEST)) {
      await setImmediate();
      if (!open) break;
      Atomics.wait(bed, 0, 0, rest / waiters); // several who wait share a turn's rest
    }
  } finally {
    waiters -= 1;
  }
  return news;
}
