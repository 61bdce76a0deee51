/** Our side of the jobs: the kernels as the models call them. */
import { encodeFloats } from '../../engine/host-array.ts';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { attention } from '../../kernels/attention.ts';
import { linear } from '../../kernels/linear.ts';
import { weightOf } from '../../kernels/weight.ts';
import { checkedRows, type Job, operands } from './jobs.ts';

/** Activations and weights of a multiplication; attention has no weights. */
export interface OurVariant {
  readonly name: string;
  readonly computeDtype: 'f32' | 'f16';
  readonly weight: 'f32' | 'bf16' | 'f16';
}

/** What the adapter can do. */
export function ourVariants({ hasF16 }: Runtime, job: Job): OurVariant[] {
  const f32 = { name: 'f32', computeDtype: 'f32', weight: 'f32' } as const;
  const f16 = { name: 'f16', computeDtype: 'f16', weight: 'f16' } as const;
  if (job.kind === 'attention') return [f32, ...(hasF16 ? [f16] : [])];
  const mixed = [
    { name: 'bf16 weights, f32', computeDtype: 'f32', weight: 'bf16' },
    ...(hasF16 ? [{ name: 'bf16 weights, f16', computeDtype: 'f16', weight: 'bf16' } as const, f16] : []),
  ] as const;
  return [f32, ...mixed];
}

/** A job with its operands on the GPU. */
export interface OurJob {
  /** Computes all and reads a row, as peers do. */
  run(): Promise<void>;
  /** The rows that are checked. */
  checked(): Promise<Float32Array>;
  close(): void;
}

export async function prepareOurs(runtime: Runtime, variant: OurVariant, job: Job, seed: number): Promise<OurJob> {
  const { shapes, values } = operands(job, seed);
  const tensors = shapes.map((shape, i) => {
    const dtype = job.kind === 'matmul' && i === 1 ? variant.weight : variant.computeDtype;
    return runtime.upload('operand', shape, dtype, encodeFloats(dtype, values[i]!));
  });
  const compute = (rec: Recorder): Tensor => computed(rec, job, tensors);
  const read = async (rows: readonly number[]): Promise<Float32Array[]> => {
    const rec = runtime.recorder('job');
    try {
      const y = compute(rec);
      const all: Float32Array[] = [];
      for (const row of rows) all.push((await rec.read(y.rows(row, 1))) as Float32Array);
      return all;
    } finally {
      rec.finish();
    }
  };
  return {
    run: async () => void (await read([0])),
    checked: async () => Float32Array.from((await read(checkedRows(job))).flatMap((row) => [...row])),
    close: () => {
      for (const tensor of tensors.splice(0)) runtime.free(tensor);
    },
  };
}

function computed(rec: Recorder, job: Job, [a, b, c]: readonly Tensor[]): Tensor {
  if (job.kind === 'matmul') return linear(rec, a!, { weight: weightOf(b!) });
  const [q, k, v] = [a!, b!, c!].map((of) => ({ of, column: 0 }));
  return attention(rec, q!, k!, v!, { ...job, causal: true });
}
