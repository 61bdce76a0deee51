import { expect } from 'chai';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { DeviceError } from '../../engine/errors.ts';
import type { AdapterDescription } from '../../engine/virtual-adapter.ts';
import { plannedFiles, publishedConfigs } from '../../library/published.ts';
import { planMemory } from '../../models/plan.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import { virtualCheckpoint } from '../../tools/checkpoint/virtual.ts';
import { limits } from '../../tools/verify/check.ts';
import { expectClose } from '../helpers/close.ts';
import { openTestRuntime } from '../helpers/device.ts';
import { rejection } from '../helpers/errors.ts';
import { framesFor } from '../helpers/model.ts';

/** The embedded model, which binds 393,216 bytes of pixels where it looks at eight frames at once. */
const embedded = folderFiles('assets/tiny-llava-video');

/** Tokens of 12 frames, where so much can be bound. */
async function tokensAt(maxBindingBytes: number): Promise<Float32Array> {
  const runtime = await openTestRuntime({ maxBindingBytes });
  try {
    using model = await loadCheckpoint(embedded, runtime, { dtype: 'f32' });
    using video = await model.encode(framesFor(model, 12));
    const rec = runtime.recorder('tokens');
    const tokens = (await rec.read(video.tokens)) as Float32Array;
    rec.finish();
    return tokens;
  } finally {
    runtime.close();
  }
}

describe('frames that are looked at together', () => {
  it('are fewer where less can be bound, and become the same tokens', async () => {
    const want = await tokensAt(2 ** 24);
    for (const bytes of [2 ** 18, 2 ** 17]) expectClose(await tokensAt(bytes), want, { atol: limits.vision, rtol: 0 });
  });

  it('are one at the least: what that needs is said', async () => {
    const error = await rejection(tokensAt(2 ** 15));
    expect(error).to.be.instanceOf(DeviceError);
    expect(error.message).to.include("'pixels' [1,3,64,64] f32 is 49152 bytes, but a kernel can bind 32768");
  });

  it("of wide models fit into what WebGPU promises to bind: 72B's, and of pictures and slices in f32", async () => {
    const promised: AdapterDescription = {
      limits: {},
      features: ['shader-f16'],
      info: { vendor: 'acme', architecture: 'anvil', device: 'Anvil 1', description: '' },
    };
    const options = { frames: 8, question: 'What?', maxNewTokens: 2, reducer: undefined };
    const wide = await planMemory(virtualCheckpoint('llava-video-72b'), promised, options);
    expect(wide.visualTokens).to.equal(8 * 210 * 8192 * 4);
    for (const name of ['OpenGVLab/InternVL2_5-8B', 'openbmb/MiniCPM-V-2_6', 'Qwen/Qwen2-VL-7B-Instruct']) {
      const files = await plannedFiles(name, publishedConfigs()[name]!);
      for (const seen of [{ frames: 8 }, { frames: 0, pictures: [{ width: 1000, height: 800 }] }]) {
        const plan = await planMemory(files, promised, { ...options, ...seen, dtype: 'f32' });
        expect(plan.vision, name).to.be.above(plan.weights.bytes);
      }
    }
  }).timeout(30_000);
});
