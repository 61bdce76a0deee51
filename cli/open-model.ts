import { WeightsError } from '../engine/errors.ts';
import type { AdapterChoice } from '../engine/node-adapter.ts';
import type { Runtime } from '../engine/runtime.ts';
import { bytesText, firstNames } from '../engine/text.ts';
import { defaultsOf } from '../library/named-model.ts';
import { loadCheckpoint } from '../models/registry.ts';
import type { VideoModel } from '../models/video-model.ts';
import type { ModelDType } from '../models/weights.ts';
import type { AvailableModel } from './fetch-model.ts';
import { fitOf, requireFit, type Wanted } from './fit.ts';
import type { Log } from './log.ts';
import { openAdapter } from './open-adapter.ts';
import { percentText } from './quantities.ts';

/** A loaded model with its adapter; disposing closes both. */
export interface OpenModel extends Disposable {
  readonly runtime: Runtime;
  readonly model: VideoModel;
  readonly loadSeconds: number;
  /** The folder or address that it was loaded from. */
  readonly source: string;
}

/**
 * Opens the adapter, plans, gets the weights and loads the model.
 *
 * @param wanted - What is going to be asked of it: whether there is memory for that is known before anything is loaded.
 * @throws DeviceError, WeightsError, InputError - whose message is the line to print.
 */
export async function openModel(
  args: { readonly adapter: AdapterChoice; readonly dtype?: ModelDType },
  choice: AvailableModel,
  log: Log,
  wanted: Wanted,
): Promise<OpenModel> {
  let started = performance.now();
  const runtime = await openAdapter(args.adapter, log);
  try {
    const fit = await fitOf(choice, runtime, wanted);
    await requireFit(choice, runtime, wanted, fit);
    const planning = performance.now() - started;
    const files = await choice.fetch(); // now that it is known to run here
    started = performance.now() - planning;
    const model = await loadCheckpoint(files, runtime, {
      dtype: args.dtype ?? choice.dtype ?? 'auto',
      name: choice.name,
      processor: choice.processor,
      defaults: defaultsOf(choice),
      ...(choice.families && { families: choice.families }),
      ...(fit.plan && { pipelines: fit.plan.pipelines }),
      progress: (done, of) =>
        log.progress(`loading the model  ${bytesText(done)} of ${bytesText(of)}, ${percentText(done, of)}`),
    });
    if (choice.architecture && choice.architecture !== model.architecture)
      throw new WeightsError(
        `${files.name}: is a ${model.architecture}, but weights.config.json names ${choice.architecture}.`,
      );
    const unused = model.unusedTensors;
    if (unused.length > 0)
      log.warn(`${files.name}: ${unused.length} tensors are not part of the model: ${firstNames(unused)}.`);
    const dispose = (): void => {
      model[Symbol.dispose]();
      runtime.close();
    };
    const loadSeconds = (performance.now() - started) / 1000;
    return { runtime, model, loadSeconds, source: files.name, [Symbol.dispose]: dispose };
  } catch (error) {
    runtime.close();
    throw error;
  }
}
