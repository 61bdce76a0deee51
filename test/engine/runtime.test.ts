import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import { AdapterLimitError, DeviceError, InputError, KernelError } from '../../engine/errors.ts';
import { fileLine, Kernel, type KernelSource } from '../../engine/kernel.ts';
import { type AdapterChoice, openRuntime } from '../../engine/node-adapter.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { argmax } from '../../kernels/sampling.ts';
import { openTestRuntime, sharedRuntime } from '../helpers/device.ts';
import { expectRejection, rejection } from '../helpers/errors.ts';

type YSource = KernelSource<{ operands: 'y'; params: never; constants: never; options: never; types: never }>;

function fill(body: string): YSource {
  return `@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1)
fn main() { ${body} }` as YSource;
}

describe('Runtime', () => {
  it('writes odd numbers of bytes and views into the middle of buffers', async () => {
    const runtime = await sharedRuntime();
    const { bytes } = runtime.memory;
    const rec = runtime.recorder('odd');
    for (const n of [0, 1, 2, 3, 5, 8, 257]) {
      const values = Uint16Array.from({ length: n + 2 }, (_, i) => 0x3c00 + i);
      const tensor = runtime.upload('odd', [n], 'f16', values.subarray(1, n + 1));
      const got = await rec.read(tensor);
      expect([...got]).to.deep.equal(Array.from({ length: n }, (_, i) => 1 + (i + 1) / 1024));
      runtime.free(tensor);
    }
    rec.finish();
    expect(runtime.memory.bytes).to.equal(bytes);
  });

  it('writes a tensor in pieces', async () => {
    const runtime = await sharedRuntime();
    const tensor = runtime.reserve('pieces', [2, 3], 'u32');
    runtime.write(tensor, 12, Uint32Array.of(4, 5, 6));
    runtime.write(tensor, 0, Uint32Array.of(1, 2, 3));
    const rec = runtime.recorder('pieces');
    expect([...(await rec.read(tensor))]).to.deep.equal([1, 2, 3, 4, 5, 6]);
    rec.finish();
    runtime.free(tensor);
  });

  it('says what a buffer beyond the limit needs, and what the adapter allows', async () => {
    const runtime = await sharedRuntime();
    const limit = runtime.device.limits.maxBufferSize;
    expect(() => runtime.reserve('model.embed_tokens.weight', [limit, 2], 'f32'))
      .to.throw(DeviceError)
      .with.property('message')
      .that.includes(`model.embed_tokens.weight: needs a buffer of ${8 * limit} bytes`)
      .and.includes(`allows ${limit}`);
  });

  it('can be closed twice', async () => {
    let closed = 0;
    const runtime = await openTestRuntime({ onClose: () => closed++ });
    runtime.close();
    runtime[Symbol.dispose]();
    expect(closed).to.equal(1);
  });

  describe('with a device of its own', () => {
    let runtime: Runtime;
    beforeEach(async () => {
      runtime = await openTestRuntime();
    });
    afterEach(() => runtime.close());

    /** What reading after a run of the kernel gives. */
    async function failureOf(name: string, source: YSource): Promise<Error> {
      const rec = runtime.recorder('failing');
      const y = rec.empty('y', [4], 'f32');
      try {
        rec.dispatch(new Kernel(name, source), { operands: { y }, workgroups: [1] });
        return await rejection(rec.read(y));
      } finally {
        rec.finish();
      }
    }

    it('names a kernel that does not parse, with the place, on one line', async () => {
      const error = await failureOf('broken-syntax', fill('y[0] = ;'));
      expect(error).to.be.instanceOf(KernelError);
      expect(error.message)
        .to.match(/^broken-syntax\.wgsl:3:20: does not compile on .+: .+ In: fn main\(\) \{ y\[0\] = ; \}$/)
        .and.not.match(/\n/);
    });

    it('names a kernel whose types do not fit', async () => {
      const error = await failureOf('broken-types', fill('y[0] = 1u;'));
      expect(error).to.be.instanceOf(KernelError);
      expect(error.message).to.match(/^broken-types\.wgsl:3:\d+: does not compile/);
    });

    it('names a kernel that wants more workgroup memory than there is', async () => {
      const source = `var<workgroup> much: array<f32, 100000000>;\n${fill('y[0] = much[1];')}` as YSource;
      const error = await failureOf('greedy', source);
      expect(error).to.be.instanceOf(KernelError);
      expect(error.message).to.match(/^greedy\.wgsl(:\d+:\d+)?: does not compile/);
    });

    it('compiles several pipelines ahead, each once, also where a dispatch is faster', async () => {
      const { pipelines } = runtime;
      const uses = [1, 2, 3].map((n) => ({
        kernel: new Kernel(`ahead-${n}`, fill(`y[0] = ${n}.0;`)) as Kernel,
        variant: { types: {}, constants: {} },
      }));
      const [first, second] = uses;
      const coming = pipelines.prepare([...uses, ...uses]);
      const again = pipelines.prepare(uses);
      const early = pipelines.get(first!.kernel, first!.variant);
      await coming;
      await again;
      expect(pipelines.uses).to.deep.equal(uses);
      expect(pipelines.get(first!.kernel, first!.variant)).to.equal(early);
      const rec = runtime.recorder('ahead');
      const y = rec.empty('y', [4], 'f32');
      rec.dispatch(second!.kernel, { operands: { y }, workgroups: [1] });
      expect((await rec.read(y))[0]).to.equal(2);
      rec.finish();
      expect(pipelines.uses).to.have.length(3);
    });

    for (const [fault, text] of [
      ['does not parse', fill('y[0] = ;')],
      ['has types that do not fit', fill('y[0] = 1u;')],
      ['wants too much workgroup memory', `var<workgroup> much: array<f32, 100000000>;\n${fill('y[0] = much[1];')}`],
    ] as const)
      it(`names a kernel that ${fault} when it is compiled ahead`, async () => {
        const kernel = new Kernel('ahead', text as YSource) as Kernel;
        const error = await rejection(runtime.pipelines.prepare([{ kernel, variant: { types: {}, constants: {} } }]));
        expect(error).to.be.instanceOf(KernelError);
        expect(error.message)
          .to.match(/^ahead\.wgsl(:\d+:\d+)?: does not compile on /)
          .and.include(runtime.adapterName)
          .and.not.match(/\n/);
        expect(runtime.pipelines.uses).to.deep.equal([]);
      });

    it('names the recorder whose work is refused', async () => {
      const rec = runtime.recorder('prefill');
      const x = rec.empty('x', [4], 'f32');
      rec.copy(x, x);
      const error = await rejection(rec.read(x));
      expect(error).to.be.instanceOf(KernelError);
      expect(error.message).to.match(/^prefill: WebGPU refused the work: /);
    });

    it('places an error in the file that it is in, whatever was put before and after the kernel', async () => {
      const withShared = (text: string) =>
        `${text}\n${fileLine('shared.wgsl')}\nfn one() -> f32 { return 1.0; }` as YSource;
      const codec = { name: 'codec', source: '// one\n// two\nfn decode() -> f32 { return nothing; }' };
      const typed = withShared(`alias computeDtype = f32;\n${fill('y[0] = decode() + one();')}`);
      const f16 = runtime.hasF16 ? ({ types: { computeDtype: 'f16' } } as const) : {};
      const failing = async (kernel: Kernel, more: object) => {
        const rec = runtime.recorder('failing');
        const y = rec.empty('y', [4], 'f32');
        rec.dispatch(kernel, { operands: { y }, workgroups: [1], ...more });
        const { message } = await rejection(rec.read(y));
        rec.finish();
        return message;
      };
      const inCodec = await failing(new Kernel('whole', typed) as Kernel, { codec, ...f16 });
      expect(inCodec).to.match(/^codec\.wgsl:3:29: .* In: fn decode\(\) -> f32 \{ return nothing; \}$/);
      const inKernel = new Kernel('half', withShared(`alias computeDtype = f32;\n${fill('y[0] = wrong;')}`)) as Kernel;
      const inShared = new Kernel(
        'third',
        withShared(fill('y[0] = one();')).replace('1.0', 'two') as YSource,
      ) as Kernel;
      expect(await failing(inShared, {})).to.match(/^shared\.wgsl:1:26: .* In: fn one/);
      expect(await failing(inKernel, f16)).to.match(/^half\.wgsl:4:20: .* In: fn main\(\) \{ y\[0\] = wrong; \}$/);
    });

    it('leaves others alone: a fault belongs to the recorder that made it, and to all that use what is broken', async () => {
      const kernel = new Kernel('broken', fill('nonsense'));
      const good = runtime.recorder('good');
      const x = good.upload('x', [3], 'f32', Float32Array.of(1, 3, 2));
      for (const attempt of ['first', 'second']) {
        const rec = runtime.recorder(attempt);
        const y = rec.empty('y', [4], 'f32');
        rec.dispatch(kernel, { operands: { y }, workgroups: [1] });
        await expectRejection(rec.read(y), KernelError, 'broken.wgsl:3:');
        await expectRejection(rec.check(), KernelError, 'broken.wgsl:3:');
        rec.finish();
      }
      expect([...(await good.read(argmax(good, x)))]).to.deep.equal([1]);
      good.finish();
      await runtime.check();
    });

    it('leaves others alone where a run uses what is gone, or is of another runtime', async () => {
      const other = await openTestRuntime();
      const gone = runtime.upload('gone', [3], 'f32', Float32Array.of(1, 3, 2));
      runtime.free(gone);
      for (const foreign of [gone, other.upload('foreign', [3], 'f32', Float32Array.of(1, 3, 2))]) {
        const rec = runtime.recorder('wrong');
        await expectRejection(rec.read(argmax(rec, foreign)), KernelError, 'wrong: WebGPU refused the work');
        rec.finish();
        const next = runtime.recorder('next');
        const x = next.upload('x', [3], 'f32', Float32Array.of(1, 3, 2));
        expect([...(await next.read(argmax(next, x)))]).to.deep.equal([1]);
        next.finish();
      }
      await runtime.check();
      other.close();
    });

    it('tells who reads a tensor that something was written to in vain', async () => {
      const tensor = runtime.reserve('short', [2], 'f32');
      runtime.write(tensor, 4, new Float32Array(64));
      await expectRejection(runtime.check([tensor]), KernelError, "'short' [2] f32: WebGPU refused to write it");
      const rec = runtime.recorder('reader');
      await expectRejection(rec.read(tensor), KernelError, "'short' [2] f32");
      rec.finish();
      await runtime.check();
    });

    it('refuses work once it is closed, in one line', async () => {
      runtime.close();
      for (const work of [
        () => runtime.recorder('late'),
        () => runtime.reserve('late', [1], 'f32'),
        () => runtime.upload('late', [1], 'f32', new Float32Array(1)),
      ])
        expect(work).to.throw(InputError, /^the runtime was closed: open another one/);
    });

    it('refuses a shape that is none, and names the tensor', () => {
      const rec = runtime.recorder('shapes');
      for (const shape of [[Number.NaN], [-1], [2.5], [2 ** 40, 2 ** 40]])
        for (const make of [() => rec.empty('rows', shape, 'f32'), () => runtime.reserve('rows', shape, 'f32')])
          expect(make).to.throw(InputError, /^'rows': \[.*\] is no shape of a tensor\.$/);
      rec.finish();
    });

    it('gives an AdapterLimitError, which is a DeviceError, for a buffer that no adapter of its kind has', () => {
      const rec = runtime.recorder('large');
      expect(() => rec.empty('hidden', [runtime.device.limits.maxBufferSize], 'f32'))
        .to.throw(AdapterLimitError, "'hidden'")
        .and.to.be.instanceOf(DeviceError);
      rec.finish();
    });

    it('gives a DeviceError, and does not hang, where the device is lost before a read', async () => {
      const rec = runtime.recorder('lost');
      const x = rec.upload('x', [4], 'f32', new Float32Array(4));
      runtime.device.destroy();
      await expectRejection(rec.read(argmax(rec, x)), DeviceError, runtime.adapterName, 'lost');
      await expectRejection(runtime.check(), DeviceError, 'the device was lost (destroyed)');
      expect(() => rec.finish()).to.not.throw();
      const later = runtime.recorder('later');
      await expectRejection(later.read(later.upload('y', [1], 'f32', new Float32Array(1))), DeviceError);
    });

    it('gives a DeviceError where the device is lost during a read', async () => {
      const rec = runtime.recorder('lost');
      const reading = rec.read(argmax(rec, rec.upload('x', [4], 'f32', new Float32Array(4))));
      runtime.device.destroy();
      const outcome = await reading.then(
        () => undefined,
        (error: unknown) => error,
      );
      // It may have been through already.
      if (outcome !== undefined) expect(outcome).to.be.instanceOf(DeviceError);
    });
  });
});

describe('openRuntime', () => {
  it('leaves no thread behind when it is closed', async function () {
    if (process.platform !== 'linux') this.skip();
    this.timeout(60_000);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const threads = async (): Promise<number> => {
      for (let i = 0; i < 4; i++) {
        collect();
        await sleep(250);
      }
      return (await readdir('/proc/self/task')).length;
    };
    (await openTestRuntime()).close();
    const before = await threads();
    for (let i = 0; i < 12; i++) (await openTestRuntime()).close();
    expect(await threads()).to.be.at.most(before + 5); // one runtime of lavapipe has five
  });

  it('refuses `gpu` where there is only software, and says what would help', async function () {
    const found = await openRuntime({ adapter: 'gpu' }).then(
      (runtime) => runtime,
      (error: unknown) => error as Error,
    );
    if (!(found instanceof Error)) {
      expect(found.adapterKind).to.equal('gpu');
      found.close();
      this.skip();
    }
    expect(found).to.be.instanceOf(DeviceError);
    expect(found.message).to.match(/^no GPU found.*Install the GPU's Vulkan driver, or use the software adapter\.$/);
  });

  for (const adapter of ['software', 'embedded', 'auto'] satisfies AdapterChoice[])
    it(`finds what computes for ${adapter}`, async function () {
      // The embedded driver, once loaded, serves the whole process: only what this process has chosen is opened.
      const own = process.env.FRAMEFUSION_ADAPTER ?? 'auto';
      if (adapter === 'embedded' && own !== 'embedded') this.skip();
      const runtime = await openRuntime({ adapter });
      if (adapter !== 'auto') expect(runtime.adapterKind).to.equal('software');
      const rec = runtime.recorder('small');
      const x = rec.upload('x', [3], 'f32', Float32Array.of(1, 3, 2));
      expect([...(await rec.read(argmax(rec, x)))]).to.deep.equal([1]);
      runtime.close();
    });

  it('is what all code outside the engine waits through: Dawn polls where anything else waits', async () => {
    for (const folder of ['kernels', 'models', 'framefusion', 'cli', 'media'])
      for (const file of await readdir(folder, { recursive: true }))
        if (file.endsWith('.ts'))
          expect(await readFile(join(folder, file), 'utf8'), file).to.not.match(/\.(mapAsync|onSubmittedWorkDone)\(/);
  });
});
