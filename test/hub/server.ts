/** A hub on 127.0.0.1, with the real one's addresses and shapes, and with the faults that tests ask for. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const REPOSITORY = 'owner/tiny-model';

/** What goes wrong with one answer. */
export interface Fault {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of what was asked for. */
  readonly body?: string | Uint8Array;
  /** The connection breaks after so many bytes of the body. */
  readonly dropAfter?: number;
  /** The body ends after so many bytes, properly, without having said how long it is. */
  readonly endAfter?: number;
  /** The server falls silent after so many bytes. */
  readonly stallAfter?: number;
  readonly ignoreRange?: boolean;
}

/** Decides about one request; `undefined` lets it succeed. */
export type Mischief = (path: string, request: IncomingMessage) => Fault | undefined;

/** A request as it arrived. */
export interface Seen {
  readonly path: string;
  /** On the second port, where large files are. */
  readonly cdn: boolean;
  readonly authorization: string | undefined;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

interface Stored {
  readonly bytes: Uint8Array;
  readonly lfs: boolean;
}

/** One model, at one commit at a time. */
export class FakeHub {
  readonly files = new Map<string, Stored>();
  readonly seen: Seen[] = [];
  /** What branches and tags name; commits name themselves. */
  readonly revisions = new Set(['main']);
  /** What the model goes by, besides its own name. */
  repository = REPOSITORY;
  commit = 'c0ffee'.padEnd(40, '0');
  /** Files on one page of the listing. */
  pageSize = 1000;
  mischief: Mischief = () => undefined;
  endpoint = '';
  /** Where the hub's redirects lead to. */
  cdn = '';
  readonly #hub: Server = createServer((request, response) => this.#serve(request, response, false));
  readonly #cdn: Server = createServer((request, response) => this.#serve(request, response, true));

  static async start(): Promise<FakeHub> {
    const hub = new FakeHub();
    for (const server of [hub.#hub, hub.#cdn]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    hub.endpoint = addressOf(hub.#hub);
    hub.cdn = addressOf(hub.#cdn);
    return hub;
  }

  stop(): void {
    for (const server of [this.#hub, this.#cdn]) {
      server.closeAllConnections();
      server.close();
    }
  }

  put(path: string, content: string | Uint8Array, { lfs = false } = {}): this {
    this.files.set(path, { bytes: typeof content === 'string' ? Buffer.from(content) : content, lfs });
    return this;
  }

  /** What the hub calls a file: sha256 in LFS, git's blob hash otherwise. */
  oid(path: string): string {
    const { bytes, lfs } = this.files.get(path)!;
    return lfs ? sha256(bytes) : gitHash(bytes);
  }

  /** The paths that were asked for, as tests like to compare them. */
  get paths(): string[] {
    return this.seen.map(({ path }) => path);
  }

  #serve(request: IncomingMessage, response: ServerResponse, cdn: boolean): void {
    const url = new URL(request.url!, 'http://x');
    const path = decodeURIComponent(url.pathname).replace(this.repository, REPOSITORY);
    const { authorization, range, 'if-range': ifRange } = request.headers;
    this.seen.push({ path, cdn, authorization, range, ifRange: ifRange as string | undefined });
    const fault = this.mischief(path, request) ?? {};
    if (fault.status !== undefined || fault.body !== undefined)
      send(response, fault.status ?? 200, fault.headers ?? {}, fault.body ?? '', fault);
    else this.#answer(url, path, request, response, fault, cdn);
  }

  #answer(
    url: URL,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    fault: Fault,
    cdn: boolean,
  ): void {
    const parts = /^\/(?:api\/models\/)?owner\/tiny-model\/(revision|tree|resolve|lfs)\/([^/]+)\/?(.*)$/.exec(path);
    const [, kind, name = '', file = ''] = parts ?? [];
    const known = name === this.commit || this.revisions.has(name) || kind === 'lfs';
    if (!kind) send(response, 404, { 'x-error-code': 'RepoNotFound' }, '{"error":"Repository not found"}');
    else if (!known) send(response, 404, { 'x-error-code': 'RevisionNotFound' }, '{"error":"Invalid rev id"}');
    else if (kind === 'revision') sendJson(response, { _id: '1', id: REPOSITORY, sha: this.commit });
    else if (kind === 'tree') this.#tree(url, response);
    else if (kind === 'lfs') this.#bytes(this.#bySha(name), request, response, fault, cdn);
    else this.#resolve(file, request, response, fault);
  }

  #tree(url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const paths = [...this.files.keys()].slice(from, from + this.pageSize);
    const next = new URL(url.pathname + url.search, this.endpoint);
    next.searchParams.set('cursor', String(from + this.pageSize));
    const more = from + this.pageSize < this.files.size;
    const folder = { type: 'directory', oid: 'd'.repeat(40), size: 0, path: 'runs' };
    sendJson(
      response,
      [folder, ...paths.map((path) => this.#entry(path))],
      more ? { link: `<${next}>; rel="next"` } : {},
    );
  }

  #entry(path: string): unknown {
    const { bytes, lfs } = this.files.get(path)!;
    if (!lfs) return { type: 'file', oid: gitHash(bytes), size: bytes.length, path };
    const sha = sha256(bytes);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha}\nsize ${bytes.length}\n`;
    const inLfs = { oid: sha, size: bytes.length, pointerSize: pointer.length };
    return { type: 'file', oid: gitHash(Buffer.from(pointer)), size: bytes.length, path, lfs: inLfs, xetHash: sha };
  }

  #bySha(oid: string): string {
    return [...this.files.keys()].find((path) => this.oid(path) === oid) ?? '';
  }

  #resolve(path: string, request: IncomingMessage, response: ServerResponse, fault: Fault): void {
    const common = { 'x-repo-commit': this.commit };
    const stored = this.files.get(path);
    if (!stored) send(response, 404, { ...common, 'x-error-code': 'EntryNotFound' }, 'Entry not found');
    else if (stored.lfs) {
      const linked = { 'x-linked-etag': `"${this.oid(path)}"`, 'x-linked-size': String(stored.bytes.length) };
      const location = `${this.cdn}/owner/tiny-model/lfs/${this.oid(path)}`;
      send(response, 302, { ...common, ...linked, location }, '');
    } else this.#bytes(path, request, response, { ...fault, headers: { ...common, ...fault.headers } }, false);
  }

  #bytes(path: string, request: IncomingMessage, response: ServerResponse, fault: Fault, cdn: boolean): void {
    const { bytes } = this.files.get(path)!;
    const etag = cdn ? `"${createHash('md5').update(bytes).digest('hex')}"` : `"${this.oid(path)}"`;
    const headers = { etag, 'content-type': 'application/octet-stream', ...fault.headers };
    const { range, 'if-range': ifRange } = request.headers;
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
    const from = Number(first);
    const whole = Number.isNaN(from) || fault.ignoreRange || (ifRange !== undefined && ifRange !== etag);
    const end = Math.min(last ? Number(last) : Number.POSITIVE_INFINITY, bytes.length - 1);
    if (whole) send(response, 200, headers, bytes, fault);
    else if (from > end) send(response, 416, { 'content-range': `bytes */${bytes.length}` }, '');
    else {
      const part = { 'content-range': `bytes ${from}-${end}/${bytes.length}` };
      send(response, 206, { ...part, ...headers }, bytes.subarray(from, end + 1), fault);
    }
  }
}

function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
  { dropAfter, endAfter, stallAfter }: Fault = {},
): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const end = dropAfter ?? endAfter ?? stallAfter;
  response.writeHead(status, {
    ...(endAfter === undefined ? { 'content-length': String(bytes.length) } : {}),
    ...headers,
  });
  if (end === undefined || endAfter !== undefined) {
    response.end(bytes.subarray(0, end));
    return;
  }
  response.write(bytes.subarray(0, end), () => {
    // What was written should arrive before the reset does.
    if (dropAfter !== undefined) setTimeout(() => response.destroy(), 20);
  });
}

function sendJson(response: ServerResponse, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
  send(response, 200, { 'content-type': 'application/json', ...headers }, JSON.stringify(value));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** As `git hash-object` does. */
export function gitHash(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
