/**
 * What a promise resolves to, unless a signal ends the wait first.
 *
 * @throws The signal's reason, also where the promise never settles.
 */
export async function abortable<T>(value: T | Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted();
  if (!signal || !(value instanceof Promise)) return value;
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([value, aborted]);
  } finally {
    if (stop) signal.removeEventListener('abort', stop);
  }
}
