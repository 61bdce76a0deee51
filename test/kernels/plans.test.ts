/** Which plans adapters get: the tables of linear and attention, walked with descriptions of real ones. */
import { expect } from 'chai';
import { create } from 'webgpu';
import type { AdapterDescription, MatrixConfig } from '../../engine/adapter.ts';
import type { PipelineUse } from '../../engine/pipelines.ts';
import { Runtime } from '../../engine/runtime.ts';
import { virtualAdapter } from '../../engine/virtual-adapter.ts';
import { attention } from '../../kernels/attention.ts';
import { gatedLinear, linear } from '../../kernels/linear.ts';
import { storedRow, type Weight, type WeightFormat, weightFormats } from '../../kernels/weight.ts';

const matrix = (M: number, N: number, K: number): MatrixConfig[] => [
  { componentType: 'f16', resultComponentType: 'f16', M, N, K },
  { componentType: 'f16', resultComponentType: 'f32', M, N, K },
];

/** What WebGPU gives where a browser lets no experimental feature through. */
const SAFE = ['shader-f16', 'subgroups', 'timestamp-query'];
const SIZED = [...SAFE, 'subgroup-size-control'];
const UNSAFE = 'chromium-experimental-subgroup-matrix';

function described(
  device: string,
  features: readonly string[],
  shared: number,
  [subgroupMinSize, subgroupMaxSize]: readonly [number, number] = [0, 0],
  subgroupMatrixConfigs: readonly MatrixConfig[] = [],
): AdapterDescription {
  const limits = {
    maxComputeWorkgroupStorageSize: shared,
    maxBufferSize: 2 ** 32 - 4,
    maxStorageBufferBindingSize: 2 ** 31 - 4,
  };
  const info = { vendor: '', architecture: '', device, description: '', subgroupMinSize, subgroupMaxSize };
  return { limits, features, info: { ...info, subgroupMatrixConfigs } };
}

/** As Dawn describes them; sizes of workgroup memory are those of their drivers. */
const adapters = {
  nvidia: described('NVIDIA', [...SAFE, UNSAFE], 49152, [32, 32], matrix(16, 16, 16)),
  'RDNA 2': described('RDNA 2', SIZED, 65536, [32, 64]),
  'RDNA 3': described('RDNA 3', [...SIZED, UNSAFE], 65536, [32, 64], matrix(16, 16, 16)),
  'RDNA 4': described('RDNA 4', [...SIZED, UNSAFE], 65536, [32, 64], matrix(16, 16, 16)),
  Intel: described('Intel', [...SIZED, UNSAFE], 65536, [8, 32], matrix(8, 16, 16)),
  Apple: described('Apple', [...SAFE, UNSAFE], 32768, [32, 32], matrix(8, 8, 8)),
  Adreno: described('Adreno', SIZED, 32768, [64, 128]),
  Mali: described('Mali', SAFE, 32768, [16, 16]),
  'a browser on NVIDIA': described('NVIDIA in a browser', SAFE, 32768, [32, 32]),
  'without f16': described('without f16', ['subgroups'], 32768, [32, 32]),
  'the least of WebGPU': described('least', [], 16384),
} satisfies Record<string, AdapterDescription>;

type Job = 'prefill' | 'short prompt' | 'decoding' | 'awkward';

/** What is best on each: f16 by matrices, f16 by tiles, or f32. */
const best: Readonly<Record<keyof typeof adapters, 'matrix' | 'tile' | 'f32'>> = {
  nvidia: 'matrix',
  'RDNA 2': 'tile',
  'RDNA 3': 'matrix',
  'RDNA 4': 'matrix',
  Intel: 'matrix',
  Apple: 'matrix',
  Adreno: 'tile',
  Mali: 'tile',
  'a browser on NVIDIA': 'tile',
  'without f16': 'f32',
  'the least of WebGPU': 'f32',
};

/** The kernels that a job gets: linear, then attention of heads of 128. */
function wanted(how: 'matrix' | 'tile' | 'f32', job: Job): string[] {
  const linearKernel = how === 'matrix' ? 'linear-matrix' : 'linear-tile';
  const attentionKernel = how === 'f32' ? 'attention' : `attention-${how}`;
  const kernels: Record<Job, string[]> = {
    prefill: [linearKernel, attentionKernel],
    'short prompt': [linearKernel, 'linear-join', attentionKernel],
    decoding: ['linear-few', how === 'f32' ? 'attention-row' : 'attention-decode', 'attention-join'],
    awkward: ['linear', 'attention'],
  };
  return kernels[job];
}

const sizes: Record<Job, { rows: number; keys: number; hidden: number; headDim: number }> = {
  prefill: { rows: 4096, keys: 4096, hidden: 3584, headDim: 128 },
  'short prompt': { rows: 20, keys: 20, hidden: 3584, headDim: 128 },
  decoding: { rows: 1, keys: 4096, hidden: 3584, headDim: 128 },
  awkward: { rows: 100, keys: 100, hidden: 1020, headDim: 60 },
};

/** What a job dispatches on an adapter that computes nothing. */
async function usesOf(like: AdapterDescription, job: Job, format: WeightFormat): Promise<PipelineUse[]> {
  using runtime = await Runtime.open(virtualAdapter(like));
  const computeDtype = runtime.hasF16 ? 'f16' : 'f32';
  const { rows, keys, hidden, headDim } = sizes[job];
  const rec = runtime.recorder('planned');
  const { dtype, length } = storedRow(format, hidden);
  const weight: Weight = {
    format,
    rows: hidden,
    columns: hidden,
    parts: [rec.empty('weight', [hidden, length], dtype)],
  };
  linear(rec, rec.empty('x', [rows, hidden], computeDtype), { weight });
  if (job === 'prefill') gatedLinear(rec, rec.empty('x', [rows, hidden], computeDtype), weight);
  const of = (n: number) => ({ of: rec.empty('heads', [n, 2 * headDim], computeDtype), column: 0 });
  attention(rec, of(rows), of(keys), of(keys), { heads: 2, kvHeads: 2, headDim, causal: true });
  rec.finish();
  await runtime.check();
  return runtime.pipelines.uses;
}

/** Kept as long as the process: Dawn crashes when it is collected before what was made of it. */
const nullGpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);

/** Compiles for an adapter that has everything, and computes nothing. */
async function compileAll(uses: readonly PipelineUse[]): Promise<void> {
  const adapter = await nullGpu.requestAdapter();
  const known = new Set<string>([...SIZED, UNSAFE]);
  const requiredFeatures = [...adapter!.features].filter((name) => known.has(name)) as GPUFeatureName[];
  const device = await adapter!.requestDevice({ requiredFeatures });
  for (const { kernel, variant } of uses) {
    const { messages } = await device.createShaderModule({ code: kernel.text(variant) }).getCompilationInfo();
    expect(messages.map(({ message }) => `${kernel.name}: ${message}`)).to.deep.equal([]);
  }
  device.destroy();
}

describe('plans', () => {
  for (const [name, like] of Object.entries(adapters))
    for (const job of Object.keys(sizes) as Job[])
      it(`give ${name} kernels that fit it for ${job}`, async () => {
        for (const format of weightFormats.filter((one) => one !== 'f32')) {
          const uses = await usesOf(like, job, format);
          const names = [...new Set(uses.map(({ kernel }) => kernel.name))];
          expect(names, format).to.deep.equal(wanted(best[name as keyof typeof best], job));
          await compileAll(uses);
        }
      });

  it('multiply many rows in tall tiles of matrices, and few in lower ones', async () => {
    for (const [name, like] of Object.entries(adapters).filter(([one]) => best[one as keyof typeof best] === 'matrix'))
      for (const [job, rows] of [
        ['prefill', 256],
        ['short prompt', undefined],
      ] as const) {
        const uses = (await usesOf(like, job, 'q4')).filter(({ kernel }) => kernel.name === 'linear-matrix');
        expect(uses[0]!.variant.constants.ROWS, `${name}, ${job}`).to.equal(rows);
      }
  });

  it('fix the size of subgroups where an adapter has several, and only for matrices', async () => {
    const sizesOf = async (name: keyof typeof adapters) =>
      (await usesOf(adapters[name], 'prefill', 'f16')).map(({ variant }) => variant.subgroupSize);
    expect(await sizesOf('RDNA 3')).to.deep.equal([32, 32, 32]);
    expect(await sizesOf('Intel')).to.deep.equal([16, 16, 16]);
    expect(await sizesOf('nvidia')).to.deep.equal([undefined, undefined, undefined]);
    expect(await sizesOf('RDNA 2')).to.deep.equal([undefined, undefined, undefined]);
  });

  it('keep matrices from an adapter whose subgroups they are not of', async () => {
    const odd = described('odd', [...SAFE, UNSAFE], 65536, [64, 64], matrix(16, 16, 16));
    const names = (await usesOf(odd, 'prefill', 'f16')).map(({ kernel }) => kernel.name);
    expect(new Set(names)).to.deep.equal(new Set(['linear-tile', 'attention-tile']));
  });

  it('keep what needs much workgroup memory from an adapter that has little', async () => {
    const small = described('small', [...SAFE, UNSAFE], 16384, [32, 32], matrix(16, 16, 16));
    const names = (await usesOf(small, 'prefill', 'f16')).map(({ kernel }) => kernel.name);
    expect(new Set(names)).to.deep.equal(new Set(['linear-tile', 'attention']));
  });
});
