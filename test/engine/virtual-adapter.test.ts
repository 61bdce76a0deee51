import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { AdapterLimitError, DeviceError } from '../../engine/errors.ts';
import { Runtime, type RuntimeOptions } from '../../engine/runtime.ts';
import { type AdapterDescription, virtualAdapter } from '../../engine/virtual-adapter.ts';
import { FrameFusion } from '../../framefusion/framefusion.ts';
import { swiglu } from '../../kernels/activation.ts';
import { rmsNorm } from '../../kernels/norm.ts';
import { argmax } from '../../kernels/sampling.ts';
import { blankTimes } from '../../models/chat.ts';
import type { TokenReducer } from '../../models/reduction.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import { openTestRuntime } from '../helpers/device.ts';
import { rejection } from '../helpers/errors.ts';

const GIB = 2 ** 30;

/** What a GPU of the larger kind says of itself. */
const described: AdapterDescription = {
  limits: { maxBufferSize: 4 * GIB, maxStorageBufferBindingSize: 2 * GIB, maxComputeWorkgroupStorageSize: 49152 },
  features: ['shader-f16', 'timestamp-query', 'subgroups', 'bgra8unorm-storage'],
  info: { vendor: 'acme', architecture: 'anvil', device: 'Anvil 9000', description: '' },
};

function openVirtual(like: Runtime | AdapterDescription = described, options?: RuntimeOptions): Promise<Runtime> {
  return Runtime.open(virtualAdapter(like), options);
}

describe('a virtual adapter', () => {
  let real: Runtime;
  let virtual: Runtime;
  beforeEach(async () => {
    real = await openTestRuntime();
    virtual = await openVirtual(real);
  });
  afterEach(() => {
    real.close();
    virtual.close();
  });

  it('has the names, features and limits of a real one', async () => {
    expect(real.virtual).to.equal(false);
    expect(virtual.virtual).to.equal(true);
    for (const key of ['adapterName', 'adapterKind', 'adapterInfo', 'maxBindingBytes'] as const)
      expect(virtual[key], key).to.deep.equal(real[key]);
    for (const key of ['hasF16', 'subgroupSize', 'hasTimestamps'] as const)
      expect(virtual[key], key).to.equal(real[key]);
    for (const [name, limit] of Object.entries(virtual.device.limits))
      expect(limit, name).to.equal(real.device.limits[name as 'maxBufferSize']);
  });

  it('binds no more at once than the runtime that it is like', async () => {
    const small = await openTestRuntime({ maxBindingBytes: 1 << 20 });
    expect((await openVirtual(small)).maxBindingBytes).to.equal(1 << 20);
    small.close();
  });

  it('has what a description says, and the defaults of WebGPU for the rest', async () => {
    const { device, ...runtime } = await openVirtual();
    expect(runtime).to.include({ adapterName: 'Anvil 9000', adapterKind: 'gpu', maxBindingBytes: 2 * GIB });
    expect(device.limits).to.include(described.limits);
    expect(device.limits).to.include({
      maxComputeInvocationsPerWorkgroup: 256,
      maxComputeWorkgroupsPerDimension: 65535,
    });
    expect([...device.features]).to.have.members(['shader-f16', 'timestamp-query', 'subgroups']);
  });

  it('counts what a program allocates, as the real one does', async () => {
    for (const runtime of [real, virtual]) await program(runtime);
    expect(virtual.memory).to.deep.equal(real.memory);
    expect(virtual.memory.peakBytes).to.be.above(40_000);
  });

  it('reads zeros, and no time', async () => {
    const runtime = await openVirtual();
    const rec = runtime.recorder('zeros', { time: true });
    const x = rec.upload('x', [5], 'f16', Uint16Array.from([1, 2, 3, 4, 5]));
    rec.scope('timed', () => rec.copy(x, rec.empty('y', [5], 'f16')));
    expect([...(await rec.read(x))]).to.deep.equal([0, 0, 0, 0, 0]);
    expect(await rec.timings()).to.deep.equal([{ label: 'timed', level: 1, nanoseconds: 0 }]);
    rec.finish();
  });

  it('refuses a buffer beyond the limit as a real one does', async () => {
    const messages: string[] = [];
    for (const runtime of [real, virtual]) {
      const limit = runtime.device.limits.maxBufferSize;
      expect(() => runtime.reserve('weights', [limit, 2], 'f32')).to.throw(DeviceError, 'weights: needs a buffer of');
      const rec = runtime.recorder('large');
      const error = rejection(Promise.resolve().then(() => rec.empty('hidden', [limit], 'f32')));
      expect(await error).to.be.instanceOf(AdapterLimitError);
      messages.push((await error).message);
    }
    expect(messages[1])
      .to.equal(messages[0])
      .and.match(/^'hidden' \[\d+\] f32 needs a buffer of \d+ bytes, but /);
  });

  it('tells of an error outside of all scopes, too', async () => {
    virtual.device.createBuffer({ size: virtual.device.limits.maxBufferSize + 4, usage: 0x80 });
    expect((await rejection(virtual.check())).message).to.include('exceeds the max buffer size');
    await virtual.check(); // told once: it is nobody's
  });

  describe('with the embedded model', () => {
    it('counts what the dense model allocates, to the byte, in less than a second', async () => {
      const want = await ask(real);
      const started = performance.now();
      const got = await ask(virtual);
      expect(performance.now() - started).to.be.below(1000);
      expect(got).to.deep.equal(want);
      expect(got.answered).to.be.above(got.loaded);
    });

    // The host reads how many tokens are similar. Zeros are none: nothing is merged, and layer 0 prunes. That is one
    // possible run and no bound, since a run that merges a little first has more rows in the MLP of layer 0.
    it('counts for the dense model what FrameFusion stays below', async () => {
      const dense = await ask(virtual);
      for (const runtime of [real, virtual]) {
        const { loaded, encoded, answered } = await ask(runtime, new FrameFusion({ cost: 0.3 }));
        expect({ loaded, encoded }).to.deep.equal({ loaded: dense.loaded, encoded: dense.encoded });
        expect(answered).to.be.below(dense.answered);
      }
    });
  });
});

describe('hasRoomFor', () => {
  it('takes a real device at its word, and gives everything back', async () => {
    const runtime = await openTestRuntime();
    const before = await addressSpace();
    // More than the largest buffer that some adapters allow, and an odd number.
    expect(await runtime.hasRoomFor(3 * GIB + 5)).to.equal(true);
    // Dawn gives memory back when it comes to it, which on a busy machine is a little later.
    for (let wait = 0; wait < 50 && (await addressSpace()) - before >= GIB; wait++) {
      runtime.device.queue.submit([]);
      await sleep(100);
    }
    expect((await addressSpace()) - before).to.be.below(GIB);
    expect(runtime.memory.peakBytes, 'in the pool').to.equal(0);
    await runtime.check();
    runtime.close();
  });

  it('is true of a virtual device', async () => {
    const runtime = await openVirtual();
    expect(await runtime.hasRoomFor(2 ** 60)).to.equal(true);
  });

  it('says no where memory ends, and the runtime goes on', async () => {
    const { runtime, buffers } = await openFull(GIB, 'out-of-memory');
    expect(await runtime.hasRoomFor(GIB)).to.equal(true);
    expect(await runtime.hasRoomFor(GIB + 1)).to.equal(false);
    expect(await runtime.hasRoomFor(0)).to.equal(true);
    expect(buffers.size, 'buffers left').to.equal(0);
    await runtime.check();
  });

  it('throws what is no want of memory', async () => {
    const { runtime, buffers } = await openFull(GIB, 'internal');
    const error = await rejection(runtime.hasRoomFor(2 * GIB));
    expect(error).to.be.instanceOf(DeviceError);
    expect(error.message).to.match(/^Anvil 9000: no buffer of \d+ bytes: full$/);
    expect(buffers.size, 'buffers left').to.equal(0);
  });

  it('throws where the device is lost', async () => {
    const runtime = await openTestRuntime();
    runtime.device.destroy();
    const error = await rejection(runtime.hasRoomFor(1));
    expect(error).to.be.instanceOf(DeviceError);
    expect(error.message).to.include('the device was lost');
    runtime.close();
  });
});

/** Bytes of this process that an adapter on the processor would take; 0 where the system does not say. */
async function addressSpace(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  return 1024 * Number(/^VmSize:\s*(\d+)/m.exec(status)?.[1] ?? 0);
}

/** A device, not marked as virtual, that has `capacity` bytes and reports an error of the kind beyond them. */
async function openFull(
  capacity: number,
  kind: GPUErrorFilter,
): Promise<{ runtime: Runtime; buffers: Set<GPUBuffer> }> {
  const adapter = virtualAdapter(described);
  const device = await adapter.requestDevice();
  const buffers = new Set<GPUBuffer>();
  const scopes: { filter: GPUErrorFilter; error: GPUError | null }[] = [];
  const bytes = (): number => [...buffers].reduce((sum, { size }) => sum + size, 0);
  device.pushErrorScope = (filter) => void scopes.push({ filter, error: null });
  device.popErrorScope = async () => scopes.pop()?.error ?? null;
  const create = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = create(descriptor);
    buffer.destroy = () => void buffers.delete(buffer);
    buffers.add(buffer);
    const scope = scopes.findLast(({ filter }) => filter === kind);
    if (scope && bytes() > capacity) scope.error = { message: 'full' } as GPUError;
    return buffer;
  };
  const { limits, features, info } = adapter;
  const plain = { limits, features, info, requestDevice: async () => device } as GPUAdapter;
  return { runtime: await Runtime.open(plain), buffers };
}

/** Some of everything that a recorder does. */
async function program(runtime: Runtime): Promise<void> {
  const weight = runtime.upload('weight', [96], 'f32', new Float32Array(96));
  const rec = runtime.recorder('program');
  let x = rec.upload('x', [37, 96], 'f32', new Float32Array(37 * 96).fill(1));
  for (let layer = 0; layer < 3; layer++)
    x = rec.scope('layer', () => rmsNorm(rec, rmsNorm(rec, x, weight, { eps: 1e-6 }), weight, { eps: 1e-6 }), x);
  const y = await rec.scope('async', async () => {
    const gated = swiglu(rec, x);
    await rec.read(argmax(rec, gated.reshape([37 * 48])));
    const copy = rec.empty('copy', [37, 48], 'f32');
    rec.copy(gated, copy);
    return copy;
  });
  const kept = rec.keep(y);
  rec.finish();
  const later = runtime.recorder('later');
  later.adopt(kept);
  await later.read(kept);
  later.finish();
  runtime.free(weight);
  await runtime.check();
}

/** The peak of memory in each part of a run, in bytes. */
interface Peaks {
  readonly loaded: number;
  readonly encoded: number;
  readonly answered: number;
}

/** Loads the embedded model, shows it twelve black frames and asks for two tokens, all from an empty pool. */
async function ask(runtime: Runtime, reducer?: TokenReducer): Promise<Peaks> {
  runtime.pool.trim();
  runtime.pool.resetPeak();
  const peak = (): number => {
    const { peakBytes } = runtime.memory;
    runtime.pool.resetPeak();
    return peakBytes;
  };
  using model = await loadCheckpoint(folderFiles('assets/tiny-llava-video'), runtime);
  const loaded = peak();
  const size = Number(model.frameFormat.size);
  const images = Array.from({ length: 12 }, () => new Uint8Array(3 * size * size));
  using video = await model.encode({ images, times: blankTimes(12) });
  const encoded = peak();
  const answer = model.withReducer(reducer).answer(video, 'What moves?', { maxNewTokens: 2 });
  for await (const _ of answer);
  return { loaded, encoded, answered: peak() };
}
