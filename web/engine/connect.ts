/** The engine that a page talks to. */

import { savedKey } from '../state/key.ts';
import type { Connection } from './engine.ts';
import { findServer } from './server-engine.ts';
import { connectTo } from './wires.ts';

/** The server that the page comes from, if it is one, else a worker of this page. */
export async function connect(): Promise<Connection> {
  const server = await findServer(document.baseURI, savedKey());
  if (server) return { engine: server, close: () => void server.stop() };
  return connectTo(new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'engine' }));
}
