import { expect } from 'chai';
import { AdapterLimitError } from '../../engine/errors.ts';
import { Kernel, type KernelSource } from '../../engine/kernel.ts';
import type { Recorder } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { randomStream } from '../../tools/random.ts';
import { itOn, openTestRuntime, sharedRuntime } from '../helpers/device.ts';
import { rejection } from '../helpers/errors.ts';

/** `y = x + by`, element by element. */
const add = new Kernel(
  'add',
  `struct Params { n: u32, by: f32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < params.n) { y[id.x] = x[id.x] + params.by; }
}` as KernelSource<{ operands: 'x' | 'y'; params: 'n' | 'by'; constants: never; options: never; types: never }>,
);

function plus(rec: Recorder, x: Tensor, by: number): Tensor {
  const y = rec.empty('sum', x.shape, 'f32');
  rec.dispatch(add, { operands: { x, y }, params: { n: x.size, by }, workgroups: [Math.ceil(x.size / 64)] });
  return y;
}

function filled(rec: Recorder, n: number, value: number): Tensor {
  return rec.upload('filled', [n], 'f32', new Float32Array(n).fill(value));
}

describe('Recorder', () => {
  let runtime: Runtime;
  before(async () => {
    runtime = await sharedRuntime();
  });

  async function expectAll(rec: Recorder, tensor: Tensor, value: number): Promise<void> {
    const got = await rec.read(tensor);
    if (!got.every((element) => element === value)) expect.fail(`${tensor}: ${got}, want ${value}`);
  }

  it('runs what is recorded in order', async () => {
    const rec = runtime.recorder('order');
    let x = filled(rec, 100, 0);
    // More dispatches than the first parameter block has room for.
    for (let i = 1; i <= 50; i++) x = plus(rec, x, i);
    await expectAll(rec, x, 1275);
    rec.finish();
  });

  it('hands the buffers of a closed scope to the very next allocation, and results to the scope around', async () => {
    const rec = runtime.recorder('scopes');
    const x = filled(rec, 1000, 1);
    const inner: Tensor[] = [];
    const result = rec.scope('body', () => {
      inner.push(plus(rec, x, 1));
      inner.push(plus(rec, inner[0]!, 1));
      return { deep: [plus(rec, inner[1]!, 1)] };
    });
    const kept = result.deep[0]!;
    const reused = [plus(rec, kept, 10), plus(rec, kept, 20)];
    expect(new Set(reused.map(({ buffer }) => buffer))).to.deep.equal(new Set(inner.map(({ buffer }) => buffer)));
    await expectAll(rec, kept, 4);
    await expectAll(rec, reused[0]!, 14);
    await expectAll(rec, reused[1]!, 24);
    rec.finish();
  });

  it('gives back what a scope consumes, unless it is its result', async () => {
    const rec = runtime.recorder('consumes');
    const buffers = new Set<GPUBuffer>();
    let x = filled(rec, 5000, 0);
    for (let layer = 0; layer < 6; layer++) {
      x = rec.scope(`layer ${layer}`, () => plus(rec, plus(rec, x, 1), 1), x);
      buffers.add(x.buffer);
    }
    expect(buffers.size, 'buffers of a chain of six').to.be.at.most(3);
    const same = rec.scope('through', () => x, x);
    expect(plus(rec, same, 1).buffer).to.not.equal(same.buffer);
    await expectAll(rec, same, 12);
    rec.finish();
  });

  it('keeps what a scope around owns when a scope consumes it that did not make it', async () => {
    const rec = runtime.recorder('nested');
    const x = filled(rec, 300, 1);
    const [y, z] = rec.scope('outer', () => {
      const mid = plus(rec, x, 1);
      const out = rec.scope('inner', () => plus(rec, mid, 1), mid);
      return [out, plus(rec, out, 5)];
    });
    await expectAll(rec, y!, 3);
    await expectAll(rec, z!, 8);
    await expectAll(rec, x, 1);
    rec.finish();
  });

  it('closes an asynchronous scope when its promise is fulfilled', async () => {
    const rec = runtime.recorder('async');
    const x = filled(rec, 100, 1);
    let inner: Tensor | undefined;
    const y = await rec.scope('body', async () => {
      inner = plus(rec, x, 1);
      await expectAll(rec, inner, 2);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(plus(rec, x, 7).buffer, 'still in use').to.not.equal(inner.buffer);
      return plus(rec, inner, 1);
    });
    await expectAll(rec, y, 3);
    rec.finish();
  });

  it('reads a tensor as it is at that point, and goes on', async () => {
    const rec = runtime.recorder('reads');
    const x = filled(rec, 10, 1);
    const y = rec.empty('y', [10], 'f32');
    rec.copy(x, y);
    const early = rec.read(y);
    rec.copy(plus(rec, x, 1), y);
    const late = rec.read(y);
    rec.copy(plus(rec, x, 2), y);
    expect((await early)[9]).to.equal(1);
    expect((await late)[9]).to.equal(2);
    await expectAll(rec, y, 3);
    rec.finish();
  });

  it('reads rows of a tensor, odd sizes of 16 bits, and nothing', async () => {
    const rec = runtime.recorder('shapes');
    const x = rec.upload(
      'x',
      [3, 4],
      'f32',
      Float32Array.from({ length: 12 }, (_, i) => i),
    );
    expect([...(await rec.read(x.rows(1, 2)))]).to.deep.equal([4, 5, 6, 7, 8, 9, 10, 11]);
    const half = rec.upload('half', [3], 'f16', Uint16Array.of(0x3c00, 0xc000, 0x3800));
    expect([...(await rec.read(half))]).to.deep.equal([1, -2, 0.5]);
    expect([...(await rec.read(rec.upload('brain', [1], 'bf16', Uint16Array.of(0x3f80))))]).to.deep.equal([1]);
    expect([...(await rec.read(rec.upload('whole', [2], 'i32', Int32Array.of(-1, 5))))]).to.deep.equal([-1, 5]);
    expect([...(await rec.read(rec.empty('none', [0, 7], 'f32')))]).to.deep.equal([]);
    rec.finish();
  });

  it('copies rows to where they are told', async () => {
    const rec = runtime.recorder('copies');
    const target = rec.empty('target', [4, 2], 'f32');
    rec.copy(filled(rec, 8, 0).reshape([4, 2]), target);
    rec.copy(filled(rec, 4, 5).reshape([2, 2]), target.rows(1, 2));
    rec.copy(filled(rec, 2, 9).reshape([1, 2]).rows(0, 0), target.rows(3, 0));
    expect([...(await rec.read(target))]).to.deep.equal([0, 0, 5, 5, 5, 5, 0, 0]);
    rec.finish();
  });

  it('lets a kept tensor outlive it, until another recorder adopts it', async () => {
    const first = runtime.recorder('first');
    const kept = first.scope('body', () => first.keep(plus(first, filled(first, 50, 1), 1)));
    first.finish();
    const second = runtime.recorder('second');
    const others = Array.from({ length: 8 }, () => filled(second, 50, 3));
    expect(others.map(({ buffer }) => buffer)).to.not.include(kept.buffer);
    await expectAll(second, kept, 2);
    second.adopt(kept);
    second.finish();
    const third = runtime.recorder('third');
    const next = Array.from({ length: 40 }, () => third.empty('next', [50], 'f32').buffer);
    expect(next).to.include(kept.buffer);
    third.finish();
  });

  it('keeps several open recorders from meeting in a buffer', async () => {
    const stream = randomStream(1, 'interleaved');
    const below = (n: number): number => stream() % n;
    // Each tensor of each recorder with the number that it must be full of; three recorders take turns at random.
    const parts = Array.from({ length: 3 }, (_, i) => ({
      rec: runtime.recorder(`part ${i}`),
      live: [] as [Tensor, number][],
    }));
    for (let turn = 0; turn < 400; turn++) {
      const part = parts[below(3)]!;
      const { rec, live } = part;
      const size = [60, 64, 300, 1000][below(4)]!;
      const [x, value] = live[below(Math.max(live.length, 1))] ?? [filled(rec, size, turn), turn];
      switch (below(6)) {
        case 0:
          live.push([filled(rec, size, turn), turn]);
          break;
        case 1:
          live.push([plus(rec, x, 1), value + 1]);
          break;
        case 2:
          live.push([rec.scope('scope', () => plus(rec, plus(rec, x, 5), 7)), value + 12]);
          break;
        case 3:
          rec.submit();
          break;
        case 4:
          await expectAll(rec, x, value);
          break;
        default:
          if (turn % 5 === 0) {
            for (const [tensor, full] of live) await expectAll(rec, tensor, full);
            rec.finish();
            part.live = [];
            part.rec = runtime.recorder(`again ${turn}`);
          }
      }
    }
    for (const { rec, live } of parts) {
      for (const [tensor, full] of live) await expectAll(rec, tensor, full);
      rec.finish();
    }
  });

  it('needs no more memory the tenth time than the second', async () => {
    const once = async (): Promise<number> => {
      const rec = runtime.recorder('again');
      const x = filled(rec, 3000, 1);
      const y = rec.scope('body', () => plus(rec, plus(rec, x, 1), 1), x);
      for (let i = 0; i < 5; i++) filled(rec, 10, i);
      await expectAll(rec, y, 3);
      rec.finish();
      return runtime.memory.bytes;
    };
    await once();
    const second = await once();
    for (let i = 0; i < 8; i++) expect(await once()).to.equal(second);
  });

  it('loses no buffer of a scope whose body fails', async () => {
    const once = async (): Promise<number> => {
      const rec = runtime.recorder('fails');
      const x = filled(rec, 7000, 1);
      const fail = (): Tensor => {
        plus(rec, x, 1);
        throw new Error('of the body');
      };
      expect(() => rec.scope('sync', fail)).to.throw('of the body');
      expect((await rejection(rec.scope('async', async () => fail()))).message).to.equal('of the body');
      rec.finish();
      await runtime.check();
      return runtime.memory.bytes;
    };
    const first = await once();
    for (let i = 0; i < 3; i++) expect(await once()).to.equal(first);
  });

  it('skips a dispatch of no workgroups', async () => {
    const rec = runtime.recorder('skips');
    const none = rec.empty('none', [0], 'f32');
    expect([...(await rec.read(plus(rec, none, 1)))]).to.deep.equal([]);
    rec.finish();
  });

  it('refuses more workgroups than the adapter allows, by the name of the kernel', () => {
    const rec = runtime.recorder('many');
    const x = filled(rec, 4, 1);
    expect(() =>
      rec.dispatch(add, {
        operands: { x, y: rec.empty('y', [4], 'f32') },
        params: { n: 4, by: 1 },
        workgroups: [1, 65536],
      }),
    )
      .to.throw(AdapterLimitError)
      .with.property('message')
      .that.matches(/^add: 1 x 65536 workgroups, but .+ allows \d+ along an axis\.$/);
    rec.finish();
  });

  itOn(['timestamps'], 'times the outermost scopes, in order', async () => {
    const rec = runtime.recorder('timed', { time: true });
    const x = filled(rec, 60_000, 1);
    const y = rec.scope('first', () => rec.scope('inner', () => plus(rec, plus(rec, x, 1), 1)));
    const z = await rec.scope('second', async () => plus(rec, y, 1));
    const timings = await rec.timings();
    expect(timings.map(({ label }) => label)).to.deep.equal(['first', 'second']);
    for (const { nanoseconds } of timings) expect(nanoseconds).to.be.above(0).and.below(10e9);
    await expectAll(rec, z, 4);
    rec.finish();
  });

  itOn(['timestamps'], 'times as many levels of scopes as it is asked to', async () => {
    const rec = runtime.recorder('timed', { time: 2 });
    const x = filled(rec, 60_000, 1);
    const z = rec.scope('outer', () =>
      rec.scope('inner', () => rec.scope('third', () => plus(rec, plus(rec, x, 1), 1))),
    );
    const timings = await rec.timings();
    expect(timings.map(({ label, level }) => [label, level])).to.deep.equal([
      ['outer', 1],
      ['inner', 2],
    ]);
    expect(timings[0]!.nanoseconds).to.be.at.least(timings[1]!.nanoseconds);
    await expectAll(rec, z, 3);
    rec.finish();
  });

  itOn(['timestamps'], 'times 1024 scopes at most, and those rightly', async () => {
    const rec = runtime.recorder('timed', { time: true });
    const x = filled(rec, 64, 1);
    for (let i = 0; i < 1024; i++) rec.scope(`scope ${i}`, () => plus(rec, x, 1));
    const before = (await rec.timings()).map(({ nanoseconds }) => nanoseconds);
    for (let i = 0; i < 20; i++) rec.scope('beyond', () => plus(rec, x, 1));
    expect((await rec.timings()).map(({ nanoseconds }) => nanoseconds)).to.deep.equal(before);
    rec.finish();
  });

  it('has no timings where nobody asked for them', async () => {
    const rec = runtime.recorder('untimed');
    rec.scope('first', () => plus(rec, filled(rec, 4, 1), 1));
    expect(await rec.timings()).to.deep.equal([]);
    rec.finish();
  });

  it('names the tensor and the kernel where a binding is too large', async () => {
    const small = await openTestRuntime({ maxBindingBytes: 1024 });
    try {
      const rec = small.recorder('large');
      expect(() => plus(rec, filled(rec, 257, 1), 1)).to.throw(
        /^add: 'filled' \[257\] f32 is 1028 bytes, but a kernel can bind 1024 on \S+\.$/,
      );
      rec.finish();
    } finally {
      small.close();
    }
  });
});
