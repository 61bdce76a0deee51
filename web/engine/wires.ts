/** The two ends of an engine that is in a worker. */
import { expose, proxy, wrap } from 'comlink';
import type { Connection, Engine } from './engine.ts';

/** An engine as its calls are passed on: by name, with what is given. */
type Calls = Readonly<Record<string, (...given: unknown[]) => Promise<unknown>>>;

function passingOn(call: (name: string, given: readonly unknown[]) => Promise<unknown>): Calls {
  const calls: Calls = {};
  return new Proxy(calls, {
    get:
      (_, name) =>
      (...given: unknown[]) =>
        call(String(name), given),
  });
}

/**
 * The page's end.
 *
 * An error of the worker that is no answer to a call ends the calls that wait, as what failed may be what they wait for. A worker
 * goes on after one, and so do later calls, unless it has never answered: then its program is not there, and they fail alike.
 */
export function connectTo(worker: Worker): Connection {
  const remote = wrap(worker) as unknown as Calls;
  const waiting = new Set<(error: Error) => void>();
  let answered = false;
  let absent: Error | undefined;
  const endAll = (error: Error): void => {
    if (!answered) absent = error;
    for (const end of waiting) end(error);
    waiting.clear();
  };
  worker.addEventListener('message', () => {
    answered = true;
  });
  worker.addEventListener('error', ({ message }) =>
    endAll(new Error(message || 'a part of the page did not load. Is there a network?')),
  );
  const calls = passingOn((name, given) => {
    if (absent) return Promise.reject(absent);
    const sent = given.map((one) => (typeof one === 'function' ? proxy(one) : one)); // functions are called from there
    return new Promise((resolve, reject) => {
      waiting.add(reject);
      const answer = remote[name]!(...sent).finally(() => waiting.delete(reject));
      answer.then(resolve, reject);
    });
  });
  const close = (): void => {
    worker.terminate();
    endAll(new DOMException('Closed.', 'AbortError'));
  };
  return { engine: calls as unknown as Engine, close };
}

/**
 * The worker's end.
 *
 * What is told on the way goes through ports of its own, and an answer may overtake it there: it waits until the last of it
 * was heard, so that nothing is told of a call that has ended.
 */
export function exposeEngine(engine: Engine): void {
  const methods = engine as unknown as Calls;
  const calls = passingOn(async (name, given) => {
    let heard: unknown;
    const tell =
      (on: (...told: unknown[]) => unknown) =>
      (...told: unknown[]): void => {
        heard = on(...told);
      };
    try {
      return await methods[name]!.apply(
        engine,
        given.map((one) => (typeof one === 'function' ? tell(one as never) : one)),
      );
    } finally {
      await heard;
    }
  });
  expose(calls);
}
