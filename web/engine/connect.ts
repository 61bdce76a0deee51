/** The engine that a page talks to. */
import { proxy, type Remote, wrap } from 'comlink';
import { savedKey } from '../state/key.ts';
import type { Engine } from './engine.ts';
import { findServer } from './server-engine.ts';

/** An engine, and what ends it. */
export interface Connection {
  readonly engine: Engine;
  close(): void;
}

/** The server that the page comes from, if it is one, else a worker of this page. */
export async function connect(): Promise<Connection> {
  const server = await findServer(document.baseURI, savedKey());
  return server ? { engine: server, close: () => void server.stop() } : connectWorker();
}

/** A worker of this page. */
function connectWorker(): Connection {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' });
  return { engine: overWires(wrap<Engine>(worker), failureOf(worker)), close: () => worker.terminate() };
}

/** Never resolves. @throws Error when the worker does not load, or fails outside of any call: it answers no call any more. */
function failureOf(worker: Worker): Promise<never> {
  const failure = new Promise<never>((_, reject) =>
    worker.addEventListener('error', ({ message }) =>
      reject(new Error(message || 'a part of the page did not load. Is there a network?')),
    ),
  );
  failure.catch(() => undefined); // told to who calls
  return failure;
}

/** Functions cannot be cloned: those that are told what happens are called from there. */
function overWires(remote: Remote<Engine>, failure: Promise<never>): Engine {
  const orFail = <T>(answer: Promise<T>): Promise<T> => Promise.race([answer, failure]);
  return {
    start: () => orFail(remote.start()),
    load: (model, on) => orFail(remote.load(model, proxy(on))),
    show: (video, name, on) => orFail(remote.show(video, name, proxy(on))),
    ask: (question, on) => orFail(remote.ask(question, proxy(on))),
    stop: () => orFail(remote.stop()),
    choices: (on) => orFail(remote.choices(proxy(on))),
    download: (model, on) => orFail(remote.download(model, proxy(on))),
    stored: (model) => orFail(remote.stored(model)),
    remove: (model) => orFail(remote.remove(model)),
  };
}
