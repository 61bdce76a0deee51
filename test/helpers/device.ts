import { expect } from 'chai';
import type { DeviceContext } from '../../engine/device-context.ts';
import type { HostArray } from '../../engine/host-array.ts';
import { encodeFloats } from '../../engine/host-array.ts';
import { type AdapterChoice, type NodeRuntimeOptions, openRuntime } from '../../engine/node-adapter.ts';
import { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { bytesOf, type DType, Tensor } from '../../engine/tensor.ts';
import { partRows, storedRow, type Weight } from '../../kernels/weight.ts';
import type { HostTensor } from './random.ts';
import { shared } from './shared.ts';

/** The one runtime that tests share, on the adapter that `FRAMEFUSION_ADAPTER` names. */
export const sharedRuntime: () => Promise<Runtime> = shared(
  () => openTestRuntime(),
  (runtime) => runtime.close(),
);

/** A runtime of a test's own, for what would spoil the shared one: errors, limits. The caller closes it. */
export function openTestRuntime(options: NodeRuntimeOptions = {}): Promise<Runtime> {
  const adapter = (process.env.FRAMEFUSION_ADAPTER ?? 'auto') as AdapterChoice;
  return openRuntime({ adapter, ...options });
}

export type Feature = 'f32' | 'f16' | 'subgroups' | 'timestamps';

/** A test that is pending where the adapter lacks one of the features; every adapter has `f32`. */
export function itOn(features: readonly Feature[], name: string, body: () => Promise<void>): void {
  it(name, async function () {
    const runtime = await sharedRuntime();
    const has: Record<Feature, boolean> = {
      f32: true,
      f16: runtime.hasF16,
      subgroups: runtime.subgroupSize > 0,
      timestamps: runtime.hasTimestamps,
    };
    if (!features.every((feature) => has[feature])) this.skip();
    await body();
  });
}

/** What memory holds before a kernel writes: as f32 and f16 a NaN, as u32 no value that a kernel makes. */
const SENTINEL = 0xffe1fff1;

/** Fills whatever it allocates with the sentinel, so that a missing or a stray write shows. */
class CanaryRecorder extends Recorder {
  readonly allocated: Tensor[] = [];

  override empty(label: string, shape: readonly number[], dtype: DType): Tensor {
    const tensor = super.empty(label, shape, dtype);
    fillWithSentinel(this.runtime, tensor.buffer);
    this.allocated.push(tensor);
    return tensor;
  }

  /** The bytes of a buffer beyond its tensor must be as they were. */
  async checkCanaries(): Promise<void> {
    for (const { label, shape, dtype, size, buffer } of this.allocated) {
      if (this.allocated.filter((other) => other.buffer === buffer).length > 1) continue;
      const words = await this.read(new Tensor('canary', [buffer.size / 4], 'u32', buffer));
      const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
      const sentinel = new Uint8Array(Uint32Array.of(SENTINEL).buffer);
      for (let i = size * bytesOf[dtype]; i < bytes.length; i++)
        if (bytes[i] !== sentinel[i % 4])
          expect.fail(`'${label}' [${shape}] ${dtype}: byte ${i} of its buffer, beyond its end, was written`);
    }
  }
}

function fillWithSentinel(runtime: DeviceContext, buffer: GPUBuffer): void {
  runtime.device.queue.writeBuffer(buffer, 0, new Uint32Array(buffer.size / 4).fill(SENTINEL));
}

/** Host data as a tensor of the recorder. */
export function upload(rec: Recorder, { shape, dtype, values }: HostTensor, label = 'operand'): Tensor {
  const bits = values instanceof Float32Array ? encodeFloats(dtype as 'f32', values) : values;
  return rec.upload(label, shape, dtype, bits);
}

/** A weight matrix of floats as kernels read it, in parts of at most `partBytes`. */
export function uploadWeight(rec: Recorder, weight: HostTensor, partBytes = rec.runtime.maxBindingBytes): Weight {
  const [rows = 0, columns = 0] = weight.shape;
  const format = weight.dtype as 'f32' | 'f16' | 'bf16';
  const { length } = storedRow(format, columns);
  let row = 0;
  const parts = partRows(format, rows, columns, partBytes).map((count) => {
    const values = new Float32Array(count * length);
    for (let i = 0; i < count; i++, row++)
      values.set(weight.values.subarray(row * columns, (row + 1) * columns) as Float32Array, i * length);
    return upload(rec, { shape: [count, length], dtype: format, values }, 'weight');
  });
  return { format, rows, columns, parts };
}

/** Runs an op on the shared runtime and gives its result; checks that it wrote nothing beyond its outputs. */
export async function run(op: (rec: Recorder) => Tensor, on?: Runtime): Promise<HostArray> {
  return (await runAll((rec) => ({ y: op(rec) }), on)).y;
}

/** As `run`, for ops with several results. */
export async function runAll<K extends string>(
  op: (rec: Recorder) => Readonly<Record<K, Tensor>>,
  on?: Runtime,
): Promise<Record<K, HostArray>> {
  const rec = new CanaryRecorder(on ?? (await sharedRuntime()), 'test');
  try {
    const tensors = op(rec);
    const got = {} as Record<K, HostArray>;
    for (const name of Object.keys(tensors) as K[]) got[name] = await rec.read(tensors[name]);
    await rec.checkCanaries();
    return got;
  } finally {
    rec.finish();
  }
}

/** A tensor of the recorder that is full of the sentinel, for what an op writes into; with its unwritten value. */
export function untouched(rec: Recorder, shape: readonly number[], dtype: 'f32' | 'f16'): Tensor {
  return rec.empty('untouched', shape, dtype);
}
