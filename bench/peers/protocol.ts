/** What `ff-bench peers` and the process of a peer say to each other. */
import type { AdapterChoice } from '../../engine/node-adapter.ts';
import type { Sample } from '../common/timing.ts';
import type { Job, JobType } from './jobs.ts';

/** Module names below bench/peers. */
export const peerNames = ['onnxruntime-web', 'onnxruntime-node', 'jax-js', 'tfjs-webgpu'] as const;
export type PeerName = (typeof peerNames)[number];

export type Request =
  | { readonly ask: 'open'; readonly peer: PeerName; readonly folder: string; readonly adapter: AdapterChoice }
  /** Makes a job ready and gives the rows that are checked. */
  | { readonly ask: 'prepare'; readonly job: Job; readonly type: JobType; readonly seed: number }
  /** Does it so many times. */
  | { readonly ask: 'time'; readonly count: number };

/** What each request is answered with. */
export interface Answers {
  readonly open: { readonly version: string };
  readonly prepare: { readonly rows: Float32Array };
  readonly time: Sample;
}

export type Reply = { readonly answer: Answers[Request['ask']] } | { readonly failed: string };
