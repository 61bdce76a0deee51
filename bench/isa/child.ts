/** One GPU of `npm run bench:isa`, in a process of its own: the driver asks once which GPU it stands for. */
import { appendFileSync } from 'node:fs';
import { openRuntime } from '../../engine/node-adapter.ts';
import type { PipelineUse } from '../../engine/pipelines.ts';
import { FrameFusion } from '../../framefusion/framefusion.ts';
import { plannedFiles, publishedConfigs } from '../../library/published.ts';
import { planMemory } from '../../models/plan.ts';
import { compilationId } from './listing.ts';

const listing = process.env.FF_ISA_LISTING ?? '';
const [only] = process.argv.slice(2);

using runtime = await openRuntime({ adapter: 'gpu' });

/** What the published models dispatch, dense and reduced, in prefill and decoding, whatever their weights are kept in. */
async function usesOfModels(): Promise<Map<string, PipelineUse>> {
  const all = new Map<string, PipelineUse>();
  const options = { frames: 4, question: 'What?', maxNewTokens: 4, reducer: new FrameFusion({ cost: 0.5 }) };
  // Many are the same model under several names.
  const distinct = new Map(Object.entries(publishedConfigs()).map((entry) => [JSON.stringify(entry[1]), entry]));
  for (const [name, configs] of distinct.values())
    for (const dtype of ['f32', 'auto', 'f16', 'q8', 'q4'] as const) {
      const plan = await planMemory(await plannedFiles(name, configs), runtime, { ...options, dtype });
      for (const use of plan.pipelines) all.set(compilationId(use), use);
    }
  return all;
}

for (const [id, use] of await usesOfModels()) {
  if (only && !id.startsWith(only)) continue;
  appendFileSync(listing, `### ${id}\n`);
  await runtime.pipelines.prepare([use]);
}
