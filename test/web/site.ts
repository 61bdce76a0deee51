/** A static host for the built page, and one for models: what it is asked is written down. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.mp4': 'video/mp4',
  '.wasm': 'application/wasm',
};

export interface Site extends AsyncDisposable {
  readonly address: string;
}

/** Serves files by their paths. @param read - The bytes of a path; undefined if there is no such file. */
export async function serve(read: (path: string) => Promise<Served | undefined>): Promise<Site> {
  const server: Server = createServer((request, response) => void answer(request, response, read));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

export interface Served {
  readonly bytes: Uint8Array;
  /** What it is called for caches. */
  readonly etag?: string;
  /** Breaks the connection after so many bytes of an answer. */
  readonly breaksAfter?: number;
}

async function answer(
  { url = '/', headers, method }: IncomingMessage,
  response: ServerResponse,
  read: (path: string) => Promise<Served | undefined>,
): Promise<void> {
  const path = new URL(url, 'http://host').pathname.replace(/\/$/, '/index.html');
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('access-control-allow-headers', 'range');
  response.setHeader('access-control-expose-headers', 'etag, content-length, content-range');
  if (method === 'OPTIONS') return void response.writeHead(204).end();
  const file = await read(path);
  if (!file) return void response.writeHead(404).end();
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
  const { bytes } = file;
  const part = from === undefined ? bytes : bytes.subarray(Number(from), to ? Number(to) + 1 : undefined);
  if (file.etag) response.setHeader('etag', file.etag);
  if (from !== undefined)
    response.setHeader('content-range', `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`);
  const type = TYPES[extname(path)] ?? 'application/octet-stream';
  response.writeHead(from === undefined ? 200 : 206, { 'content-type': type, 'content-length': part.length });
  if (method === 'HEAD') return void response.end();
  if (file.breaksAfter === undefined || part.length <= file.breaksAfter) return void response.end(part);
  response.write(part.subarray(0, file.breaksAfter), () => response.destroy());
}

/** Files of a folder. */
export const folder =
  (root: string) =>
  async (path: string): Promise<Served | undefined> => {
    const bytes = await readFile(join(root, path)).catch(() => undefined);
    return bytes && { bytes };
  };
