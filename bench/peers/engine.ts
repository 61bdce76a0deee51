/** Whoever can do the jobs: we, and each peer. */
import type { AdapterChoice } from '../../engine/node-adapter.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { type Sample, stopwatch } from '../common/timing.ts';
import { faultOf, type Job, type JobType, operands } from './jobs.ts';
import { type OurJob, type OurVariant, prepareOurs } from './ours.ts';
import { PeerProcess } from './process.ts';
import type { PeerName } from './protocol.ts';

/** One contestant in one format. */
export interface Engine {
  readonly name: string;
  readonly version: string;
  /** What is multiplied. */
  readonly format: string;
  readonly ours: boolean;
  /** @returns Why it cannot, in one line; undefined if its result is right. */
  prepare(job: Job, seed: number): Promise<string | undefined>;
  time(count: number): Promise<Sample>;
  close(): void;
}

/** One of our ways to do a job. */
export function ourEngine(runtime: Runtime, variant: OurVariant, version: string): Engine {
  let ready: OurJob | undefined;
  const close = (): void => {
    ready?.close();
    ready = undefined;
  };
  return {
    name: 'ours',
    version,
    format: variant.name,
    ours: true,
    prepare: async (job, seed) => {
      close();
      ready = await prepareOurs(runtime, variant, job, seed);
      return faultOf(job, operands(job, seed), await ready.checked());
    },
    time: async (count) => {
      const time = stopwatch();
      for (let i = 0; i < count; i++) await ready!.run();
      const { wall, cpu } = time();
      return { wall: wall / count, cpu: cpu / count };
    },
    close,
  };
}

/** @throws Error with one line if the peer cannot be started here. */
export async function peerEngine(
  peer: PeerName,
  type: JobType,
  { folder, adapter }: { folder: string; adapter: AdapterChoice },
): Promise<Engine> {
  const child = new PeerProcess();
  try {
    const { version } = await child.ask({ ask: 'open', peer, folder, adapter });
    return {
      name: peer,
      version,
      format: type,
      ours: false,
      prepare: async (job, seed) => {
        try {
          const { rows } = await child.ask({ ask: 'prepare', job, type, seed });
          return faultOf(job, operands(job, seed), rows);
        } catch (error) {
          return (error as Error).message;
        }
      },
      time: (count) => child.ask({ ask: 'time', count }),
      close: () => child.close(),
    };
  } catch (error) {
    child.close();
    throw error;
  }
}
