/** The ways to share attention out, what each needs of an adapter, and which is chosen. */
import type { DeviceContext } from '../../engine/device-context.ts';
import { matrixShape } from '../matrix.ts';

/** What attends to what. */
export interface AttentionJob {
  readonly computeDtype: 'f32' | 'f16';
  /** Of all segments together. */
  readonly rows: number;
  readonly keys: number;
  readonly headDim: number;
  /** Whether heads begin and rows end at whole vectors of eight. */
  readonly vectors: boolean;
}

/** What an adapter or a job must have for a plan to run. */
interface Needs {
  /** Columns of a head at most, and what they are a multiple of. */
  readonly widest: number;
  readonly multiple?: number;
  /** A single row of queries. */
  readonly oneRow?: true;
  /** Lanes of a subgroup, at least. */
  readonly lanes?: number;
  /** f16, and whole vectors of it. */
  readonly vectors?: true;
  /** Subgroups that multiply matrices. */
  readonly matrices?: true;
  /** Bytes of workgroup memory. */
  readonly shared?: (headDim: number) => number;
}

/** When a plan is chosen, of those that can run. */
interface Prefers {
  readonly adapter?: 'software' | 'gpu';
  /** Keys that make it worth a second kernel. */
  readonly leastKeys?: number;
}

interface Plan {
  readonly needs: Needs;
  readonly prefers: Prefers;
}

const vectorsOf = (headDim: number): number => Math.ceil(headDim / 16) * 2;

/** The best come first: the first that can run and wants to is chosen. */
const table = {
  subgroup: { needs: { widest: 128, multiple: 4, lanes: 4 }, prefers: { adapter: 'software' } },
  decode: {
    needs: {
      widest: 256,
      oneRow: true,
      vectors: true,
      shared: (headDim) => 16 * (8 + 33) * (vectorsOf(headDim) + 1) + 32 * headDim + 1152,
    },
    prefers: {},
  },
  split: { needs: { widest: 128, oneRow: true }, prefers: { adapter: 'gpu', leastKeys: 512 } },
  row: { needs: { widest: 128, oneRow: true }, prefers: {} },
  matrix: {
    needs: {
      widest: 128,
      vectors: true,
      matrices: true,
      shared: (headDim) => 2560 * Math.ceil(headDim / 32) + 18_960,
    },
    prefers: {},
  },
  tile: {
    needs: { widest: 256, vectors: true, shared: (headDim) => 16 * 96 * (vectorsOf(headDim) + 1) + 6400 },
    prefers: {},
  },
  checked: { needs: { widest: 128 }, prefers: {} },
} as const satisfies Readonly<Record<string, Plan>>;

/** How attention is shared out; chosen by `attentionPlan` unless a test asks for one. */
export type AttentionPlan = keyof typeof table;

const names = Object.keys(table) as AttentionPlan[];

/** The plans that an adapter can run for a job. */
export function attentionPlans(device: DeviceContext, job: Omit<AttentionJob, 'keys'>): AttentionPlan[] {
  const { computeDtype, rows, headDim } = job;
  const vectors = computeDtype === 'f16' && job.vectors && headDim % 8 === 0;
  return names.filter((name) => {
    const needs: Needs = table[name].needs;
    return (
      headDim <= needs.widest &&
      headDim % (needs.multiple ?? 1) === 0 &&
      (!needs.oneRow || rows === 1) &&
      device.subgroupSize >= (needs.lanes ?? 0) &&
      (!needs.vectors || vectors) &&
      (!needs.matrices || matrixShape(device) !== undefined) &&
      device.device.limits.maxComputeWorkgroupStorageSize >= (needs.shared?.(headDim) ?? 0)
    );
  });
}

/** The plan that suits an adapter and a job best; undefined where none can run. */
export function attentionPlan(device: DeviceContext, job: AttentionJob): AttentionPlan | undefined {
  return attentionPlans(device, job).find((name) => {
    const { adapter, leastKeys = 0 }: Prefers = table[name].prefers;
    return (!adapter || adapter === device.adapterKind) && job.keys >= leastKeys;
  });
}
