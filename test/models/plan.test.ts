import { expect } from 'chai';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { DeviceError, InputError } from '../../engine/errors.ts';
import type { Runtime } from '../../engine/runtime.ts';
import type { AdapterDescription } from '../../engine/virtual-adapter.ts';
import { FrameFusion } from '../../framefusion/framefusion.ts';
import { type PlanOptions, planMemory } from '../../models/plan.ts';
import type { TokenReducer } from '../../models/reduction.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import { virtualCheckpoint } from '../../tools/checkpoint/virtual.ts';
import { openTestRuntime } from '../helpers/device.ts';
import { rejection } from '../helpers/errors.ts';
import { framesFor } from '../helpers/model.ts';

const embedded = folderFiles('assets/tiny-llava-video');
const question = 'What happens in this video?';

const gpu: AdapterDescription = {
  limits: { maxBufferSize: 2 ** 32 - 4, maxStorageBufferBindingSize: 2 ** 31 - 4 },
  features: ['shader-f16', 'subgroups'],
  info: { vendor: 'acme', architecture: 'anvil', device: 'Anvil 9000', description: '' },
};

function wanted(frames: number, cost: number, more: Partial<PlanOptions> = {}): PlanOptions {
  return { frames, question, maxNewTokens: 32, reducer: cost < 1 ? new FrameFusion({ cost }) : undefined, ...more };
}

describe('planMemory', () => {
  let runtime: Runtime;
  before(async () => {
    runtime = await openTestRuntime();
  });
  after(() => runtime.close());

  /** What a real run takes at most, stage by stage. */
  async function measured(reducer: TokenReducer | undefined, dtype: 'f32' | 'q8', change: number) {
    runtime.pool.trim();
    runtime.pool.resetPeak();
    using model = await loadCheckpoint(embedded, runtime, { dtype });
    const loading = runtime.memory.peakBytes;
    runtime.pool.resetPeak();
    using video = await model.encode(framesFor(model, 12, { change }));
    const vision = runtime.memory.peakBytes;
    runtime.pool.resetPeak();
    const answer = model.withReducer(reducer).answer(video, question, { maxNewTokens: 32 });
    for await (const _ of answer);
    return { loading, vision, generation: runtime.memory.peakBytes, stats: answer.stats, bytes: model.weights.bytes };
  }

  for (const dtype of ['f32', 'q8'] as const)
    it(`counts what a dense run with weights in ${dtype} takes, to the byte`, async () => {
      const plan = await planMemory(embedded, runtime, wanted(12, 1, { dtype }));
      const real = await measured(undefined, dtype, 0.1);
      expect(plan).to.include({
        loading: real.loading,
        vision: real.vision,
        generation: real.generation,
        cache: real.stats.cacheBytes,
        denseCache: real.stats.cacheBytes,
        rows: real.stats.promptRows,
        videoTokens: 240,
        peak: Math.max(real.loading, real.vision, real.generation),
      });
      expect(plan.weights.bytes).to.equal(real.bytes);
    });

  for (const cost of [0.7, 0.3])
    it(`has room for what FrameFusion takes at cost ${cost}, however it comes to its budget`, async () => {
      const plan = await planMemory(embedded, runtime, wanted(12, cost, { dtype: 'f32' }));
      for (const [change, similarityLowerBound] of [
        [0, 0.6],
        [0.1, 0.6],
        [0.1, 0.97],
        [0.5, 0.99],
      ] as const) {
        const real = await measured(new FrameFusion({ cost, similarityLowerBound }), 'f32', change);
        expect(real.generation, `${change}`).to.be.at.most(plan.generation);
        expect(real.stats.cacheBytes, `${change}`).to.be.at.most(1.1 * plan.cache);
      }
    });

  it('plans real shapes in seconds, without weights: 7B with 64 frames', async () => {
    const files = virtualCheckpoint('llava-video-7b');
    const plan = await planMemory(files, gpu, wanted(64, 0.3));
    expect(plan).to.include({ computeDtype: 'f16', videoTokens: 13440 });
    // 7.6 billion parameters of the decoder, 0.4 of the tower, in bf16.
    expect(plan.weights.bytes).to.be.within(15.9e9, 16.2e9);
    expect(plan.cache).to.be.below(0.4 * plan.denseCache);
    // 28 layers of keys and values, 4 heads of 128, in f16.
    expect(plan.denseCache).to.equal(28 * 2 * 4 * 128 * 2 * plan.rows);
    const small = await planMemory(files, gpu, wanted(64, 0.3, { dtype: 'q4' }));
    expect(small.weights.bytes / plan.weights.bytes).to.be.within(0.3, 0.33);
    expect(small.peak).to.be.below(plan.peak - 10e9);
  }).timeout(30000);

  it('grows with the frames, and does not know their number to be nothing', async () => {
    const [few, many] = await Promise.all([4, 16].map((frames) => planMemory(embedded, gpu, wanted(frames, 1))));
    expect(many!.cache).to.be.above(3 * few!.cache);
    expect(many!.vision).to.be.above(few!.vision);
    for (const frames of [0, -1, 1.5, Number.NaN])
      expect(await rejection(planMemory(embedded, gpu, wanted(frames, 1)))).to.be.instanceOf(InputError);
  });

  it('says what the adapter cannot bind', async () => {
    const narrow = { ...gpu, limits: {} }; // WebGPU's defaults
    const error = await rejection(planMemory(virtualCheckpoint('llava-video-7b'), narrow, wanted(64, 0.3)));
    expect(error).to.be.instanceOf(DeviceError);
    expect(error.message).to.contain('but a kernel can bind 134217728 on Anvil 9000');
  });
});
