/** A server in this process, on the embedded model and the adapter that the tests run on. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { reducerNamed } from '../../framefusion/reducers.ts';
import { chooseModel } from '../../library/catalogue.ts';
import { defaultsOf } from '../../library/named-model.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import type { VideoModel } from '../../models/video-model.ts';
import { type AppOptions, makeApp } from '../../serve/app.ts';
import { httpServer } from '../../serve/http-server.ts';
import { type OfficeOptions, type OpenOffice, openOffice } from '../../serve/office.ts';
import type { LogLine } from '../../serve/request-log.ts';
import { sharedRuntime } from '../helpers/device.ts';
import { shared } from '../helpers/shared.ts';

export const clipFile = fileURLToPath(new URL('../../assets/clip.mp4', import.meta.url));
export const clipUrl = `data:video/mp4;base64,${readFileSync(clipFile).toString('base64')}`;
const choice = chooseModel('tiny-llava-video');

/** The embedded model, which tests share. */
export const embeddedModel: () => Promise<VideoModel> = shared(
  async () => {
    const options = { name: choice.name, defaults: defaultsOf(choice) };
    return loadCheckpoint(folderFiles(choice.folder!), await sharedRuntime(), options);
  },
  (model) => model[Symbol.dispose](),
);

/** A server that tests talk to, and what it wrote down. */
export interface TestServer extends AsyncDisposable {
  readonly app: ReturnType<typeof makeApp>;
  readonly office: OpenOffice;
  readonly lines: LogLine[];
  readonly faults: unknown[];
  readonly ending: AbortController;
  /** Listens, if it does not yet. */
  url(): Promise<string>;
}

/** How a test's server differs from the usual one. */
export type Differences = Partial<Omit<OfficeOptions, 'limits'> & Omit<AppOptions, 'office' | 'ending'>> & {
  readonly limits?: Partial<OfficeOptions['limits']>;
};

export async function startServer(differences: Differences = {}): Promise<TestServer> {
  const { limits, ...other } = differences;
  const office = await openOffice({
    load: async () => ({ model: await embeddedModel(), close: () => undefined }),
    reducer: ({ cost = 1, tokens, reducer = 'framefusion' }) =>
      cost === 1 && tokens === undefined ? undefined : reducerNamed(reducer, { cost, tokens }, choice),
    note: () => undefined,
    ...{ wording: (question: string) => question, version: 'test' },
    ...{ queue: 256, parallel: 8, threads: 2, cacheBytes: 1e9 },
    ...other,
    limits: {
      ...{ mediaRoots: [], fetch: undefined, maxBytes: 50e6, timeoutSeconds: 60, maxVideoSeconds: 600 },
      ...limits,
    },
  });
  const lines: LogLine[] = [];
  const faults: unknown[] = [];
  const ending = new AbortController();
  const app = makeApp({
    office,
    records: { line: (line) => lines.push(line), fault: (error) => faults.push(error) },
    ...{ names: ['tiny-llava-video', 'tiny'], defaults: { cost: 1 }, apiKey: undefined, maxBodyBytes: 50e6 },
    ...{ cors: [], ending: ending.signal, version: '0', pages: undefined },
    ...other,
  });
  let server: Server | undefined;
  const listen = async (): Promise<string> => {
    server = httpServer(app);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  let listening: Promise<string> | undefined;
  const url = (): Promise<string> => {
    listening ??= listen();
    return listening;
  };
  const stop = async (): Promise<void> => {
    server?.closeAllConnections();
    server?.close();
    office[Symbol.dispose]();
  };
  return { app, office, lines, faults, ending, url, [Symbol.asyncDispose]: stop };
}

/** Sends a body without a network. */
export function post(app: TestServer['app'], body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', host: 'localhost', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  };
  return Promise.resolve(app.request('/v1/chat/completions', init));
}

/** A question about the clip. */
export function aboutClip(question: string, more: object = {}): object {
  const content = [
    { type: 'video_url', video_url: { url: clipUrl } },
    { type: 'text', text: question },
  ];
  return { model: 'tiny', messages: [{ role: 'user', content }], max_tokens: 16, ...more };
}
