/** The server that an application listens with. */
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';

const OPTIONS = {
  /** Milliseconds that a whole request may take to come. */
  requestTimeout: 600_000,
  /**
   * Milliseconds that a connection waits for another request: longer than clients (5 s in Python's httpx, 4 s in undici) and
   * proxies (60 s in nginx) keep theirs. Who closes first cannot meet a request that is on its way.
   */
  keepAliveTimeout: 75_000,
};

export function httpServer({ fetch }: Pick<Hono, 'fetch'>): Server {
  return createAdaptorServer({ fetch, serverOptions: OPTIONS }) as Server;
}
