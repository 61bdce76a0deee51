import type { Checkpoint, CheckpointFiles } from '../checkpoint/safetensors.ts';
import { WeightsError } from '../engine/errors.ts';
import type { Runtime } from '../engine/runtime.ts';
import { Decoder } from './decoder/decoder.ts';
import type { SpecifiedModel } from './family.ts';
import { openParts, renamed, subFolder } from './files.ts';
import { generationDefaults } from './generation-config.ts';
import type { LoadOptions } from './load-options.ts';
import type { ModelParts } from './model-parts.ts';
import { refusePeftNames } from './refusals.ts';
import { rehearse } from './rehearsal.ts';
import { VideoModel } from './video-model.ts';
import { type ModelDType, precision, WeightLoader } from './weights.ts';

/**
 * Loads a checkpoint's weights as its spec says.
 *
 * @throws WeightsError if a file or tensor is missing, damaged or does not fit the config. A missing tokenizer is an error
 *   only when a question is asked. The reason of an aborted `signal`.
 */
export async function loadSpecified(
  files: CheckpointFiles,
  runtime: Runtime,
  specified: SpecifiedModel,
  options: LoadOptions = {},
): Promise<VideoModel> {
  const { dtype = 'auto', progress, signal } = options;
  const { spec } = specified;
  precision(dtype, runtime); // refuses what the adapter cannot do before anything is read
  signal?.throwIfAborted();
  const textFiles = subFolder(files, spec.textFolder);
  const { PromptText } = await import('./text.ts'); // templates and tokenizers, which a page needs only with a model
  const text = await PromptText.load(textFiles, spec.prompt).catch((error: unknown) => {
    if (error instanceof WeightsError) return error;
    throw error;
  });
  const generation = await generationDefaults(textFiles, spec, text);
  const checkpoint = await openParts(files, spec.weightFolders);
  try {
    refusePeftNames(files.name, checkpoint.names());
  } catch (error) {
    await checkpoint.close();
    throw error;
  }
  if (spec.otherNames) checkpoint.alias(renamed(spec.otherNames));
  const shared = { ...specified, name: options.name ?? files.name, text, generation };
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
  shared: Pick<ModelParts, 'name' | 'architecture' | 'spec' | 'text' | 'generation'>,
  { dtype, progress, signal, reducer, defaults, reader, close }: LoadOptions & { readonly dtype: ModelDType },
): Promise<VideoModel> {
  const { spec } = shared;
  const { computeDtype, format } = precision(dtype, runtime);
  // Told after every piece of every tensor, which is where loading can be ended.
  const told = (done: number, of: number): void => {
    signal?.throwIfAborted();
    progress?.(done, of);
  };
  const loader = new WeightLoader(runtime, checkpoint, { format, progress: told });
  try {
    const decoder = await Decoder.load(loader, spec.decoder, spec.decoderNames, computeDtype);
    const encoder = await spec.loadEncoder(loader, computeDtype, decoder);
    await loader.finish();
    const unusedTensors = loader.unused(spec.unusedTensors);
    const parts = { ...shared, runtime, loader, encoder, decoder, unusedTensors, life: { over: false } };
    return new VideoModel(parts, { reducer, defaults, reader, close });
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
