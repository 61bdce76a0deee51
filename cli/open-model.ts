import { folderFiles } from '../checkpoint/file-source.ts';
import { WeightsError } from '../engine/errors.ts';
import type { AdapterChoice } from '../engine/node-adapter.ts';
import type { Runtime } from '../engine/runtime.ts';
import { defaultsOf } from '../library/named-model.ts';
import { loadCheckpoint } from '../models/registry.ts';
import type { VideoModel } from '../models/video-model.ts';
import type { ModelDType } from '../models/weights.ts';
import type { LocalModel } from './fetch-model.ts';
import { fitOf, requireFit, type Wanted } from './fit.ts';
import type { Log } from './log.ts';
import { openAdapter } from './open-adapter.ts';
import { percentText } from './quantities.ts';
import { bytes } from './table.ts';

/**
 * Opens the adapter and loads a model on it.
 *
 * @param wanted - What is going to be asked of it: whether there is memory for that is known before anything is loaded.
 * @throws DeviceError, WeightsError, InputError - whose message is the line to print.
 */
export async function openModel(
  args: { readonly adapter: AdapterChoice; readonly dtype?: ModelDType },
  choice: LocalModel,
  log: Log,
  wanted: Wanted,
): Promise<{ runtime: Runtime; model: VideoModel; loadSeconds: number }> {
  const started = performance.now();
  const runtime = await openAdapter(args.adapter, log);
  try {
    const fit = await fitOf(choice, runtime, wanted);
    await requireFit(choice, runtime, wanted, fit);
    const model = await loadCheckpoint(folderFiles(choice.folder), runtime, {
      dtype: args.dtype ?? choice.dtype ?? 'auto',
      name: choice.name,
      defaults: defaultsOf(choice),
      ...(choice.families && { families: choice.families }),
      ...(fit.plan && { pipelines: fit.plan.pipelines }),
      progress: (done, of) =>
        log.progress(`loading the model  ${bytes(done)} of ${bytes(of)}, ${percentText(done, of)}`),
    });
    if (choice.architecture && choice.architecture !== model.architecture)
      throw new WeightsError(
        `${choice.folder}: is a ${model.architecture}, but weights.config.json names ${choice.architecture}.`,
      );
    const unused = model.unusedTensors;
    if (unused.length > 0)
      log.warn(`${choice.folder}: ${unused.length} tensors are not part of the model: ${some(unused)}.`);
    return { runtime, model, loadSeconds: (performance.now() - started) / 1000 };
  } catch (error) {
    runtime.close();
    throw error;
  }
}

/** The first few of many names. */
function some(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}
