import type { Checkpoint, CheckpointFiles } from '../checkpoint/safetensors.ts';
import { WeightsError } from '../engine/errors.ts';
import type { Runtime } from '../engine/runtime.ts';
import { Decoder } from './decoder/decoder.ts';
import type { PlannedModel } from './family.ts';
import { openParts, renamed, subFolder } from './files.ts';
import { generationDefaults } from './generation-config.ts';
import type { LoadOptions } from './load-options.ts';
import type { ModelParts } from './model-parts.ts';
import { refusePeftNames } from './refusals.ts';
import { rehearse } from './rehearsal.ts';
import { VideoModel } from './video-model.ts';
import { type ModelDType, precision, WeightLoader } from './weights.ts';

/**
 * Loads a checkpoint's weights as its family plans.
 *
 * @throws WeightsError if a file or tensor is missing, damaged or does not fit the config. A missing tokenizer is an error
 *   only when a question is asked. The reason of an aborted `signal`.
 */
export async function loadPlanned(
  files: CheckpointFiles,
  runtime: Runtime,
  planned: PlannedModel,
  options: LoadOptions = {},
): Promise<VideoModel> {
  const { dtype = 'auto', progress, signal } = options;
  const { plan } = planned;
  precision(dtype, runtime); // refuses what the adapter cannot do before anything is read
  signal?.throwIfAborted();
  const textFiles = subFolder(files, plan.textFolder);
  const { PromptText } = await import('./text.ts'); // templates and tokenizers, which a page needs only with a model
  const text = await PromptText.load(textFiles, plan.prompt).catch((error: unknown) => {
    if (error instanceof WeightsError) return error;
    throw error;
  });
  const generation = await generationDefaults(textFiles, plan, text);
  const checkpoint = await openParts(files, plan.weightFolders);
  try {
    refusePeftNames(files.name, checkpoint.names());
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
  if (plan.otherNames) checkpoint.alias(renamed(plan.otherNames));
  const shared = { ...planned, name: options.name ?? files.name, text, generation };
  // A twin that is rehearsed with owns nothing of the model's.
  const loadOn = (on: Runtime, told?: LoadOptions['progress']) =>
    loadOnto(on, checkpoint, shared, {
      ...options,
      dtype,
      progress: told,
      ...(on !== runtime && { close: undefined }),
    });
  const [model, compiled] = await Promise.allSettled([
    loadOn(runtime, progress ?? (() => undefined)),
    compilePipelines(runtime, options.pipelines, loadOn),
  ]);
  await checkpoint.close();
  if (model.status === 'rejected') throw model.reason;
  if (compiled.status === 'fulfilled') return model.value;
  model.value[Symbol.dispose]();
  throw compiled.reason;
}

async function loadOnto(
  runtime: Runtime,
  checkpoint: Checkpoint,
  shared: Pick<ModelParts, 'name' | 'architecture' | 'plan' | 'text' | 'generation'>,
  { dtype, progress, signal, defaults, reader, close }: LoadOptions & { readonly dtype: ModelDType },
): Promise<VideoModel> {
  const { plan } = shared;
  const { computeDtype, format } = precision(dtype, runtime);
  // Told after every piece of every tensor, which is where loading can be ended.
  const told = (done: number, of: number): void => {
    signal?.throwIfAborted();
    progress?.(done, of);
  };
  const loader = new WeightLoader(runtime, checkpoint, { format, progress: told });
  try {
    const decoder = await Decoder.load(loader, plan.decoder, plan.decoderNames, computeDtype);
    const encoder = await plan.loadEncoder(loader, computeDtype, decoder);
    await loader.finish();
    const unusedTensors = loader.unused(plan.unusedTensors);
    const parts = { ...shared, runtime, loader, encoder, decoder, unusedTensors, life: { over: false } };
    return new VideoModel(parts, { defaults, reader, close });
  } catch (error) {
    loader.dispose();
    throw error;
  }
}

/** Has the runtime compile what a run needs: what is named, or else what a twin of the model uses on a virtual adapter. */
async function compilePipelines(
  runtime: Runtime,
  named: LoadOptions['pipelines'],
  loadOn: (runtime: Runtime) => Promise<VideoModel>,
): Promise<void> {
  if (runtime.traits.compilesAhead) await runtime.pipelines.prepare(named ?? (await rehearse(runtime, loadOn)));
}
