/** The parts of a server, put together: what its application needs, and how it ends. */
import type { Office } from './answerer.ts';
import { Conversations } from './conversations.ts';
import type { DecodeLimits } from './decode.ts';
import { Exhibition } from './exhibits.ts';
import { Metrics } from './metrics.ts';
import { FairQueue } from './queue.ts';
import { ServedModel, type Serving } from './served-model.ts';
import { GpuCache } from './shared.ts';
import type { SourceLimits } from './sources.ts';
import { Traces } from './traces.ts';

/** What all requests share, to be closed. */
export type OpenOffice = Office & Disposable;

/** How much a server does at once, and keeps. */
export interface OfficeOptions extends Omit<Serving, 'onGone'> {
  readonly limits: SourceLimits & DecodeLimits;
  readonly queue: number;
  readonly parallel: number;
  readonly threads: number;
  readonly cacheBytes: number;
  readonly wording: (question: string) => string;
  /** Name and version of the program. */
  readonly version: string;
}

/** @throws as loading the model. */
export async function openOffice(options: OfficeOptions): Promise<OpenOffice> {
  const { limits, parallel, threads, cacheBytes, wording } = options;
  const cache = new GpuCache(cacheBytes);
  const queue = new FairQueue({ atWork: parallel, waiting: options.queue });
  const lane = (atWork: number): FairQueue => new FairQueue({ atWork, waiting: Number.POSITIVE_INFINITY });
  const [gpu, decoding] = [lane(1), lane(threads)];
  let served: ServedModel | undefined;
  const metrics = new Metrics({
    waiting: () => queue.waiting,
    atWork: () => queue.atWork,
    gpuBytes: () => (served?.ready ? served.model.runtime.memory.bytes : 0),
    cacheBytes: () => cache.bytes,
    ready: () => served?.ready ?? false,
  });
  const load = async () => {
    const loaded = await options.load();
    metrics.loads.inc();
    return loaded;
  };
  served = await ServedModel.open({ ...options, load, onGone: () => cache.clear() });
  const exhibition = new Exhibition({ limits, cache, decoding, gpu, metrics });
  const conversations = new Conversations(cache, metrics);
  const close = (): void => served.close();
  const traces = new Traces(options.version);
  return { served, queue, traces, gpu, exhibition, conversations, metrics, wording, [Symbol.dispose]: close };
}
