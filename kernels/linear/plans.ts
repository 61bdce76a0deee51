/** The ways to share a multiplication out, what each needs of an adapter, and which is chosen. */
import type { DeviceContext } from '../../engine/device-context.ts';
import { Kernel, type KernelNames } from '../../engine/kernel.ts';
import { matrixShape } from '../matrix.ts';
import subgroupSource from '../software/linear-subgroup.wgsl';
import type { WeightFormat } from '../weight.ts';
import checkedSource from './linear.wgsl';
import fewSource from './linear-few.wgsl';
import matrixSource from './linear-matrix.wgsl';
import rowSource from './linear-row.wgsl';
import tileSource from './linear-tile.wgsl';

/** What the texts of all plans declare; options are those of any. */
interface LinearNames extends KernelNames {
  readonly operands: 'x' | 'weight' | 'bias' | 'residual' | 'y';
  readonly params: 'rows' | 'n' | 'k' | 'span' | 'stride' | 'column' | 'period';
  readonly constants: 'HAS_BIAS' | 'HAS_RESIDUAL';
  readonly options: 'GATED' | 'LANES' | 'ROWS' | 'COLUMNS' | 'HALVED';
  readonly types: 'computeDtype' | 'out';
}

const onSubgroups = new Kernel<LinearNames>('linear-subgroup', subgroupSource);
const matrix = new Kernel<LinearNames>('linear-matrix', matrixSource);
const tile = new Kernel<LinearNames>('linear-tile', tileSource);

/** What is multiplied. */
export interface LinearJob {
  readonly computeDtype: 'f32' | 'f16';
  readonly format: WeightFormat;
  readonly rows: number;
  readonly k: number;
  readonly n: number;
}

/** What an adapter or a job must have for a plan to run. */
interface Needs {
  /** Lanes of a subgroup, at least. */
  readonly lanes?: number;
  /** Subgroups that multiply matrices, and factors in f16. */
  readonly matrices?: true;
  /** k in whole vectors of eight, and weights that the activations' dtype holds. */
  readonly vectors?: true;
  /** Bytes of workgroup memory. */
  readonly shared?: number;
}

/** When a plan is chosen, of those that can run. */
interface Prefers {
  readonly adapter?: 'software';
  readonly mostRows?: number;
  /** Fewer tiles than occupy a GPU, and enough k to share out among more. */
  readonly fewTiles?: true;
  /** As many tiles as occupy a GPU. */
  readonly manyTiles?: true;
}

/** The best come first: the first that can run and wants to is chosen. */
const table = {
  subgroupRow: {
    kernel: onSubgroups,
    tile: { rows: 1, columns: 128 },
    needs: { lanes: 4 },
    prefers: { adapter: 'software', mostRows: 1 },
  },
  subgroup: {
    kernel: onSubgroups,
    tile: { rows: 8, columns: 128 },
    needs: { lanes: 4 },
    prefers: { adapter: 'software' },
  },
  few: {
    kernel: new Kernel<LinearNames>('linear-few', fewSource),
    tile: { rows: 1, columns: 16 },
    needs: { vectors: true },
    prefers: { mostRows: 4 },
  },
  row: {
    kernel: new Kernel<LinearNames>('linear-row', rowSource),
    tile: { rows: 1, columns: 8 },
    needs: {},
    prefers: { mostRows: 4 },
  },
  matrixSplit: {
    kernel: matrix,
    tile: { rows: 128, columns: 128 },
    needs: { matrices: true, vectors: true, shared: 20_480 },
    prefers: { fewTiles: true },
  },
  matrixTall: {
    kernel: matrix,
    tile: { rows: 256, columns: 128 },
    needs: { matrices: true, vectors: true, shared: 30_720 },
    prefers: { manyTiles: true },
  },
  matrix: {
    kernel: matrix,
    tile: { rows: 128, columns: 128 },
    needs: { matrices: true, vectors: true, shared: 20_480 },
    prefers: {},
  },
  tileSplit: {
    kernel: tile,
    tile: { rows: 64, columns: 64 },
    needs: { vectors: true },
    prefers: { fewTiles: true },
  },
  tile: {
    kernel: tile,
    tile: { rows: 64, columns: 64 },
    needs: { vectors: true },
    prefers: {},
  },
  checked: {
    kernel: new Kernel<LinearNames>('linear', checkedSource),
    tile: { rows: 64, columns: 32 },
    needs: {},
    prefers: {},
  },
} as const;

/** One computation, shared out in several ways; chosen by `linearPlan` unless a test asks for one. */
export type LinearPlan = keyof typeof table;

/** A plan: its kernel, and the rows and columns of y that a workgroup makes. */
export const linearTable: Readonly<
  Record<LinearPlan, (typeof table)[LinearPlan] & { readonly needs: Needs; readonly prefers: Prefers }>
> = table;

const names = Object.keys(table) as LinearPlan[];

/** The plans that an adapter can run for a job. */
export function linearPlans(
  device: DeviceContext,
  job: Pick<LinearJob, 'computeDtype' | 'format' | 'k'>,
): LinearPlan[] {
  const vectors = job.k % 8 === 0 && !(job.computeDtype === 'f16' && job.format === 'f32');
  return names.filter((name) => {
    const { lanes = 0, matrices, vectors: inVectors, shared = 0 }: Needs = table[name].needs;
    return (
      device.subgroupSize >= lanes &&
      device.device.limits.maxComputeWorkgroupStorageSize >= shared &&
      (!inVectors || vectors) &&
      (!matrices || (job.computeDtype === 'f16' && matrixShape(device) !== undefined))
    );
  });
}

/** The plan that suits an adapter and a job best. */
export function linearPlan(device: DeviceContext, job: LinearJob): LinearPlan {
  const plan = linearPlans(device, job).find((name) => {
    const { adapter, mostRows = Number.POSITIVE_INFINITY, fewTiles, manyTiles }: Prefers = table[name].prefers;
    return (
      (!adapter || adapter === device.adapterKind) &&
      job.rows <= mostRows &&
      (!fewTiles || partsOf(name, job) > 1) &&
      (!manyTiles || tilesOf(name, job) >= ENOUGH_WORKGROUPS)
    );
  });
  return plan ?? 'checked';
}

/** Whether a plan multiplies many rows in vectors, faster in f16 than in f32. */
export function wantsHalves(plan: LinearPlan): boolean {
  const { needs, prefers }: { needs: Needs; prefers: Prefers } = table[plan];
  return needs.vectors === true && prefers.mostRows === undefined;
}

/** Workgroups that a GPU with many cores is kept busy by. */
const ENOUGH_WORKGROUPS = 256;

/** Of k in a part, so that its sums are worth the second kernel; and the parts at most, which memory holds. */
const LEAST_K = 512;
const MOST_PARTS = 8;

/** Into how many parts a plan shares k out. */
export function partsOf(plan: LinearPlan, job: Pick<LinearJob, 'rows' | 'k' | 'n'>): number {
  if (plan !== 'matrixSplit' && plan !== 'tileSplit') return 1;
  const enough = Math.floor(ENOUGH_WORKGROUPS / tilesOf(plan, job));
  return Math.max(1, Math.min(enough, Math.floor(job.k / LEAST_K), MOST_PARTS));
}

function tilesOf(plan: LinearPlan, { rows, n }: Pick<LinearJob, 'rows' | 'n'>): number {
  const { tile: size } = table[plan];
  return Math.ceil(rows / size.rows) * Math.ceil(n / size.columns);
}
