/** The engine that a page talks to. */
import { proxy, type Remote, wrap } from 'comlink';
import type { Engine } from './engine.ts';
import { findServer } from './server-engine.ts';

/** An engine, and what ends it. */
export interface Connection {
  readonly engine: Engine;
  close(): void;
}

/** The server that the page comes from, if it is one, else a worker of this page. */
export async function connect(): Promise<Connection> {
  const server = await findServer(document.baseURI);
  return server ? { engine: server, close: () => void server.stop() } : connectWorker();
}

/** A worker of this page. */
function connectWorker(): Connection {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' });
  return { engine: overWires(wrap<Engine>(worker)), close: () => worker.terminate() };
}

/** Functions cannot be cloned: those that are told what happens are called from there. */
function overWires(remote: Remote<Engine>): Engine {
  return {
    start: () => remote.start(),
    load: (model, on) => remote.load(model, proxy(on)),
    show: (video, name, on) => remote.show(video, name, proxy(on)),
    ask: (question, on) => remote.ask(question, proxy(on)),
    stop: () => remote.stop(),
    choices: (on) => remote.choices(proxy(on)),
    download: (model, on) => remote.download(model, proxy(on)),
    stored: (model) => remote.stored(model),
    remove: (model) => remote.remove(model),
  };
}
