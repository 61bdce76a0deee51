import { expect } from 'chai';
import { folderFiles } from '../../checkpoint/file-source.ts';
import { KernelError } from '../../engine/errors.ts';
import { Kernel } from '../../engine/kernel.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { FrameFusion } from '../../framefusion/framefusion.ts';
import type { LoadOptions } from '../../models/load-options.ts';
import { planMemory } from '../../models/plan.ts';
import type { TokenReducer } from '../../models/reduction.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import { rehearse } from '../../models/rehearsal.ts';
import { openTestRuntime } from '../helpers/device.ts';
import { rejection } from '../helpers/errors.ts';
import { framesFor } from '../helpers/model.ts';

const embedded = folderFiles('assets/tiny-llava-video');
const question = 'What moves?';

describe('pipelines, while weights load,', () => {
  let runtime: Runtime;
  beforeEach(async () => {
    runtime = await openTestRuntime();
  });
  afterEach(() => runtime.close());

  /** Loads, shows twelve frames and asks; how many pipelines exist after each. */
  async function counted(options: LoadOptions, reducer?: TokenReducer) {
    using model = await loadCheckpoint(embedded, runtime, options);
    const loaded = runtime.pipelines.uses.length;
    using video = await model.encode(framesFor(model, 12));
    for await (const _ of model.withReducer(reducer).answer(video, question, { maxNewTokens: 5 }));
    return { loaded, answered: runtime.pipelines.uses.length };
  }

  for (const dtype of ['f32', 'q8'] as const)
    it(`are all there for the first answer of the dense model in ${dtype}`, async function () {
      if (!runtime.traits.compilesAhead) this.skip();
      const { loaded, answered } = await counted({ dtype });
      expect(loaded).to.equal(answered);
      expect(answered).to.be.above(15);
    });

  for (const [how, similarityLowerBound] of [
    ['prunes', 2],
    ['merges and prunes', 0.99],
  ] as const)
    it(`are what a plan says, so that FrameFusion finds its own where it ${how}`, async () => {
      const reducer = new FrameFusion({ cost: 0.5, similarityLowerBound });
      const plan = await planMemory(embedded, runtime, { frames: 12, question, maxNewTokens: 5, reducer });
      const names = plan.pipelines.map(({ kernel }) => kernel.name);
      expect(names).to.include.members(['patchify', 'argmax', 'similarity', 'threshold']);
      const { loaded, answered } = await counted({ pipelines: plan.pipelines }, reducer);
      if (runtime.traits.compilesAhead) expect(loaded).to.equal(answered);
    });

  it('are all there for the first answer of a model that is loaded with its reducer', async () => {
    const reducer = new FrameFusion({ cost: 0.5 });
    const { loaded, answered } = await counted({ reducer }, reducer);
    if (runtime.traits.compilesAhead)
      expect(answered - loaded).to.be.at.most(3); // those of pruning, or of merging to the budget
    else expect(loaded).to.equal(0);
  });

  it('are left to the first answer where none are named, or where the adapter has nothing from it', async () => {
    const { loaded, answered } = await counted({
      dtype: 'f32',
      ...(runtime.traits.compilesAhead && { pipelines: [] }),
    });
    expect(loaded).to.equal(0);
    expect(answered).to.be.above(15);
  });

  it('are found by a rehearsal as a real run uses them, on any adapter', async () => {
    const found = await rehearse(runtime, (on) => loadCheckpoint(embedded, on));
    await counted({ pipelines: [] });
    const told = (uses: typeof found) =>
      uses.map(({ kernel, variant }) => JSON.stringify([kernel.name, variant])).sort();
    expect(told(found)).to.deep.equal(told(runtime.pipelines.uses));
  });

  it('end the loading where one does not compile, and leave no weights behind', async function () {
    if (!runtime.traits.compilesAhead) this.skip();
    const kernel = new Kernel('broken', 'nonsense') as Kernel;
    const pipelines = [{ kernel, variant: { types: {}, constants: {} } }];
    const error = await rejection(loadCheckpoint(embedded, runtime, { pipelines }));
    expect(error).to.be.instanceOf(KernelError);
    expect(error.message).to.match(/^broken\.wgsl:1:1: does not compile on .*In: nonsense$/);
    expect(runtime.memory.bytes).to.equal(0);
  });
});
