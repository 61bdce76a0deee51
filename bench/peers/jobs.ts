/** What peers are asked to do, and the numbers that it is done with. */
import { encodeFloats, hostArray } from '../../engine/host-array.ts';
import { attend } from '../../kernels/reference/attention.ts';
import { dot } from '../../kernels/reference/host-tensor.ts';
import type { HeadLayout } from '../../kernels/rope.ts';
import { randomNumbers } from '../../models/random.ts';
import { attentionFlops } from '../kernels/attention-cases.ts';
import { some } from '../kernels/kernel-case.ts';

/** `x [rows, k]` times the transpose of `w [n, k]`. */
export interface MatmulJob {
  readonly kind: 'matmul';
  readonly rows: number;
  readonly k: number;
  readonly n: number;
}

/** Causal attention of rows on themselves. */
export interface AttentionJob extends HeadLayout {
  readonly kind: 'attention';
  readonly rows: number;
}

export type Job = MatmulJob | AttentionJob;
export type JobType = 'f32' | 'f16';

/** The MLP of Qwen2-0.5B in prefill, over few rows and over one; its attention; and the MLP of the 7B model. */
export function jobs({ quick, gpu }: { quick: boolean; gpu: boolean }): Job[] {
  const attention = { kind: 'attention', heads: 14, kvHeads: 2, headDim: 64 } as const;
  const matmul = (rows: number, k: number, n: number): MatmulJob => ({ kind: 'matmul', rows, k, n });
  if (quick) return [matmul(64, 128, 512), matmul(1, 128, 512), { ...attention, rows: 64 }];
  const small = [matmul(512, 896, 4864), matmul(32, 896, 4864), matmul(1, 896, 4864), { ...attention, rows: 1024 }];
  const large = [matmul(2048, 3584, 18944), matmul(1, 3584, 18944)];
  return gpu ? [...small, ...large] : small;
}

export function jobName(job: Job): string {
  if (job.kind === 'matmul') return `matmul ${job.rows} x ${job.k} x ${job.n}`;
  return `attention ${job.rows} rows, ${job.heads}/${job.kvHeads} x ${job.headDim}`;
}

export function jobFlops(job: Job): number {
  if (job.kind === 'matmul') return 2 * job.rows * job.k * job.n;
  return attentionFlops({ ...job, variant: '', keys: job.rows, causal: true, segments: 1 });
}

/** The operands, as numbers that f16 and bf16 hold alike, so that all formats compute the same. */
export interface Operands {
  readonly names: readonly string[];
  readonly shapes: readonly (readonly [number, number])[];
  readonly values: readonly Float32Array[];
}

export function operands(job: Job, seed: number): Operands {
  const shapes: [number, number][] =
    job.kind === 'matmul'
      ? [
          [job.rows, job.k],
          [job.n, job.k],
        ]
      : [job.heads, job.kvHeads, job.kvHeads].map((heads) => [job.rows, heads * job.headDim]);
  const values = shapes.map(([rows, columns], i) => {
    const random = randomNumbers(seed + i);
    // 8 bits of mantissa fit both.
    return Float32Array.from({ length: rows * columns }, () => Math.floor(256 * random()) / 128 - 1);
  });
  return { names: job.kind === 'matmul' ? ['x', 'w'] : ['q', 'k', 'v'], shapes, values };
}

/** Elements in the bits of a dtype. */
export const encoded = (type: JobType, values: Float32Array): Float32Array | Uint16Array => encodeFloats(type, values);

/** Numbers of what a peer gave: f16 comes as bits, or as an array that Node 20 has not. */
export function decoded(data: ArrayLike<number>): Float32Array {
  return data instanceof Uint16Array
    ? (hostArray('f16', data.slice().buffer, data.length) as Float32Array)
    : Float32Array.from(data);
}

/** Rows that are looked at. */
export const checkedRows = (job: Job): number[] => some(job.rows, 3);

/** What is wrong with the rows that somebody computed, against sums in double precision. */
export function faultOf(job: Job, { values }: Operands, got: Float32Array): string | undefined {
  const width = job.kind === 'matmul' ? job.n : job.heads * job.headDim;
  const tolerance = job.kind === 'matmul' ? 4e-3 * Math.sqrt(job.k) : 1e-2;
  for (const [i, row] of checkedRows(job).entries())
    for (const column of some(width, 8)) {
      const want = job.kind === 'matmul' ? product(job, values, row, column) : attended(job, values, row, column);
      const is = got[i * width + column];
      if (!(Math.abs((is ?? Number.NaN) - want) <= tolerance))
        return `element ${row}, ${column} is ${is}, not ${want.toFixed(4)}`;
    }
  return undefined;
}

function product({ k }: MatmulJob, [x, w]: readonly Float32Array[], row: number, column: number): number {
  return dot(x!.subarray(row * k, (row + 1) * k), w!.subarray(column * k, (column + 1) * k));
}

function attended(job: AttentionJob, [q, k, v]: readonly Float32Array[], row: number, column: number): number {
  const { heads, kvHeads, headDim } = job;
  const head = Math.floor(column / headDim);
  const kvHead = Math.floor((head * kvHeads) / heads);
  const take = (x: Float32Array, i: number): Float32Array => x.subarray(i * headDim, (i + 1) * headDim);
  const seen = (x: Float32Array): Float32Array[] =>
    Array.from({ length: row + 1 }, (_, key) => take(x, key * kvHeads + kvHead));
  return attend(take(q!, row * heads + head), seen(k!), seen(v!)).y[column % headDim]!;
}
