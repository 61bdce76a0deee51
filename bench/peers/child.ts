/** The process of one peer: opens the same adapter through the same Dawn, then does as it is told. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { adapterKind, type Waiting } from '../../engine/adapter.ts';
import { pollWithBackoff } from '../../engine/backoff.ts';
import { type AdapterChoice, findAdapter } from '../../engine/node-adapter.ts';
import { type Sample, stopwatch } from '../common/timing.ts';
import { checkedRows, decoded, encoded, operands } from './jobs.ts';
import type { Answers, Reply, Request } from './protocol.ts';

/** A job that a peer has made ready. */
interface Ready {
  /** Computes all, and gives the rows that are asked for. */
  run(rows: readonly number[]): Promise<ArrayLike<number>>;
  close(): unknown;
}

/** A module of bench/peers. */
interface PeerModule {
  readonly packageName: string;
  open(): Promise<{ prepare(job: object): Promise<Ready> }>;
}

let peer: Awaited<ReturnType<PeerModule['open']>> | undefined;
let ready: Ready | undefined;
/** As ours waits: a library is not to pay for how Dawn's binding polls. */
let patient: Waiting = (news) => news;

const work = {
  open: async ({ peer: name, folder, adapter }: Extract<Request, { ask: 'open' }>): Promise<Answers['open']> => {
    await offerAdapter(adapter);
    const module = (await import(pathToFileURL(join(folder, `${name}.mjs`)).href)) as PeerModule;
    const file = join(folder, 'node_modules', module.packageName, 'package.json');
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    peer = await module.open();
    return { version };
  },
  prepare: async ({ job, type, seed }: Extract<Request, { ask: 'prepare' }>): Promise<Answers['prepare']> => {
    await ready?.close();
    ready = undefined;
    const { names, values } = operands(job, seed);
    const data = Object.fromEntries(names.map((name, i) => [name, encoded(type, values[i]!)]));
    ready = await peer!.prepare({ ...job, ...data, dtype: type, transposed });
    return { rows: decoded(await ready.run(checkedRows(job))) };
  },
  time: async ({ count }: Extract<Request, { ask: 'time' }>): Promise<Sample> => {
    const time = stopwatch();
    for (let i = 0; i < count; i++) await patient(ready!.run([0]));
    const { wall, cpu } = time();
    return { wall: wall / count, cpu: cpu / count };
  },
};

/** Browsers' libraries ask `navigator.gpu`: whatever they ask for, they get the adapter that ours has. */
async function offerAdapter(choice: AdapterChoice): Promise<void> {
  const { gpu, adapter, options } = await findAdapter(choice);
  if (adapterKind(adapter.info) === 'software') patient = pollWithBackoff;
  // They also use the names that browsers have, such as GPUBufferUsage.
  Object.assign(globalThis, (await import('webgpu')).globals);
  const offered = { requestAdapter: () => gpu.requestAdapter(options), wgslLanguageFeatures: gpu.wgslLanguageFeatures };
  const like = { gpu: Object.assign(Object.create(gpu), offered), userAgent: 'node', hardwareConcurrency: 1 };
  Object.defineProperty(globalThis, 'navigator', { value: like, configurable: true });
}

/** `[rows, columns]` as `[columns, rows]`. */
function transposed<T extends Float32Array | Uint16Array>(values: T, rows: number, columns: number): T {
  const out = values.slice() as T;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = values[row * columns + column]!;
  return out;
}

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.trim().split('\n')[0] ?? '').slice(0, 200);
}

/** The request that waits for a reply; a library may fail beside its promises, and then again in them. */
let waiting: Request | undefined;

function reply(request: Request | undefined, said: Reply): void {
  if (request === undefined || request !== waiting) return;
  waiting = undefined;
  process.send!(said);
}

process.on('message', async (request: Request) => {
  waiting = request;
  try {
    reply(request, { answer: await work[request.ask](request as never) });
  } catch (error) {
    reply(request, { failed: oneLine(error) });
  }
});
process.on('disconnect', () => process.exit(0));
process.on('unhandledRejection', (error) => reply(waiting, { failed: oneLine(error) }));
