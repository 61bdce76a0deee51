/** A static host for the built page, and one for models: what it is asked is written down. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
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
export async function serve(read: Read): Promise<Site> {
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

/** What there is at a path, which may hang on who asks, and on what is posted to it. */
type Read = (path: string, asked: Asked) => Promise<Served | undefined>;

interface Asked {
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Served {
  readonly bytes: Uint8Array;
  /** Default: 200. */
  readonly status?: number;
  /** Default: by the path's extension. */
  readonly type?: string;
  /** What it is called for caches. */
  readonly etag?: string;
  /** Told where a range begins that is asked for; the answer waits for it. */
  readonly asked?: (from: number) => unknown;
  /** Breaks the connection off for what lies behind. */
  readonly breaksFrom?: number;
}

async function answer(request: IncomingMessage, response: ServerResponse, read: Read): Promise<void> {
  const { url = '/', headers, method } = request;
  const path = new URL(url, 'http://host').pathname.replace(/\/$/, '/index.html');
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('access-control-allow-headers', 'range');
  response.setHeader('access-control-expose-headers', 'etag, content-length, content-range');
  if (method === 'OPTIONS') return void response.writeHead(204).end();
  const file = await read(path, { body: Buffer.concat(await request.toArray()).toString(), headers });
  if (!file) return void response.writeHead(404).end();
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
  const { bytes } = file;
  const part = from === undefined ? bytes : bytes.subarray(Number(from), to ? Number(to) + 1 : undefined);
  if (file.etag) response.setHeader('etag', file.etag);
  if (from !== undefined)
    response.setHeader('content-range', `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`);
  const type = file.type ?? TYPES[extname(path)] ?? 'application/octet-stream';
  response.writeHead(file.status ?? (from === undefined ? 200 : 206), {
    'content-type': type,
    'content-length': part.length,
  });
  if (method === 'HEAD') return void response.end();
  if (from !== undefined) await file.asked?.(Number(from));
  if (file.breaksFrom === undefined || Number(from) < file.breaksFrom) return void response.end(part);
  response.write(part.subarray(0, part.length / 2), () => response.destroy());
}

/** The hash of the contents, as hubs of models give it. */
export const etagOf = (bytes: Uint8Array): string => `"${createHash('sha256').update(bytes).digest('hex')}"`;

/** Files of a folder. */
export const folder =
  (root: string) =>
  async (path: string): Promise<Served | undefined> => {
    const bytes = await readFile(join(root, path)).catch(() => undefined);
    return bytes && { bytes, etag: etagOf(bytes) };
  };
