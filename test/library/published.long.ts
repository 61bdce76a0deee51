import { expect } from 'chai';
import type { Checkpoint } from '../../checkpoint/safetensors.ts';
import { FrameFusion } from '../../framefusion/framefusion.ts';
import { weightsConfig } from '../../library/catalogue.ts';
import { publishedConfigs, publishedFiles } from '../../library/published.ts';
import { openParts } from '../../models/files.ts';
import { planMemory } from '../../models/plan.ts';
import { specOf } from '../../models/registry.ts';

const named = Object.entries(weightsConfig().models).filter(([, { repository }]) => repository !== undefined);

/** A GPU of no maker, with the limits of large ones. */
const gpu = {
  limits: { maxBufferSize: 2 ** 36, maxStorageBufferBindingSize: 2 ** 31 - 4 },
  features: ['shader-f16'],
  info: { vendor: 'acme', architecture: 'anvil', device: 'Anvil 9000', description: '' },
};

describe('published models', () => {
  it('ship with the configs of each that weights.config.json names, and of no other', () => {
    const names = new Set(named.map(([, { repository }]) => repository));
    expect(Object.keys(publishedConfigs())).to.have.members([...names]);
    expect(named.length).to.be.above(13);
  });

  for (const [name, { architecture, frames, repository }] of named)
    it(`plan ${name} without a network`, async () => {
      const files = (await publishedFiles(repository!))!;
      const reducer = new FrameFusion({ cost: 0.3 });
      const options = { frames: Math.min(frames, 16), question: 'What happens?', maxNewTokens: 16, reducer };
      const plan = await planMemory(files, gpu, options);
      expect(plan.architecture).to.equal(architecture);
      expect(plan.peak).to.be.above(plan.weights.bytes);
      expect(plan.videoTokens).to.be.above(options.frames);
    });

  // What lies in the files and is not read: SigLIP's last norm, and in MiniCPM-V nothing.
  for (const [name, bytes, unread] of [
    ['Qwen/Qwen2-VL-7B-Instruct', 16_582_751_232, 0],
    ['openbmb/MiniCPM-V-2_6', 16_198_350_304, 0],
  ] as const)
    it(`have the bytes of ${name} that its index names`, async () => {
      const files = (await publishedFiles(name))!;
      const { spec } = await specOf(files);
      const checkpoint: Checkpoint = await openParts(files, spec.weightFolders);
      const sum = [...checkpoint.names()].reduce((total, one) => total + checkpoint.get(one).byteLength, 0);
      expect(sum + unread).to.equal(bytes);
    });

  it('are no others than those that are named', async () => {
    for (const name of ['owner/other', '', '__proto__', 'constructor'])
      expect(await publishedFiles(name)).to.equal(undefined);
  });
});
