/** One GPU of `npm run bench:isa`, in a process of its own: the driver reads which GPU it stands for once. */
import { appendFileSync } from 'node:fs';
import { openRuntime } from '../../engine/node-adapter.ts';
import type { PipelineUse } from '../../engine/pipelines.ts';
import { FrameFusion } from '../../framefusion/framefusion.ts';
import { planMemory } from '../../models/plan.ts';
import type { ModelDType } from '../../models/video-model.ts';
import type { PresetName } from '../../tools/checkpoint/shapes.ts';
import { virtualCheckpoint } from '../../tools/checkpoint/virtual.ts';

const listing = process.env.FF_ISA_LISTING ?? '';

using runtime = await openRuntime({ adapter: 'gpu' });
const all = new Map<string, PipelineUse>();
for (const preset of ['llava-onevision-qwen2-0.5b', 'llava-video-7b'] as PresetName[])
  for (const dtype of ['f32', 'auto', 'q8', 'q4'] as ModelDType[]) {
    const files = virtualCheckpoint(preset, { shape: { layers: 4, visionLayers: 2 } });
    const plan = await planMemory(files, runtime, {
      dtype,
      frames: 64,
      question: 'What?',
      maxNewTokens: 4,
      reducer: new FrameFusion({ cost: 0.5 }),
    });
    for (const use of plan.pipelines) {
      const { types, constants, codec } = use.variant;
      all.set(`${use.kernel.name} ${codec?.name ?? ''} ${JSON.stringify(types)} ${JSON.stringify(constants)}`, use);
    }
  }
for (const [id, use] of all) {
  if (process.argv[2] && !id.includes(process.argv[2])) continue;
  appendFileSync(listing, `### ${id}\n`);
  await runtime.pipelines.prepare([use]);
}
