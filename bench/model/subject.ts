/** What `ff-bench model` times: a model on an adapter, and a clip. */
import { join } from 'node:path';
import { findChoice } from '../../cli/fetch-model.ts';
import { given } from '../../cli/flags.ts';
import type { Log } from '../../cli/log.ts';
import { openAdapter } from '../../cli/open-adapter.ts';
import { openModel } from '../../cli/open-model.ts';
import { InputError } from '../../engine/errors.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { bytesText } from '../../engine/text.ts';
import { reducerNamed } from '../../framefusion/reducers.ts';
import { chooseModel, type ModelChoice, root } from '../../library/catalogue.ts';
import type { NamedModel } from '../../library/named-model.ts';
import { openVideo } from '../../media/open-video.ts';
import { type SampledVideo, sampleVideo } from '../../media/sample-video.ts';
import type { Video } from '../../media/video.ts';
import { LlavaEncoder, type LlavaEncoderConfig } from '../../models/llava-encoder.ts';
import { loadCheckpoint } from '../../models/registry.ts';
import type { VideoModel } from '../../models/video-model.ts';
import type { ModelShape } from '../../tools/checkpoint/shapes.ts';
import { virtualCheckpoint } from '../../tools/checkpoint/virtual.ts';
import { type Sample, stopwatch } from '../common/timing.ts';
import type { ModelArguments } from './arguments.ts';

/** A model to be timed. */
export interface Subject {
  readonly name: string;
  readonly runtime: Runtime;
  readonly model: VideoModel;
  readonly encoder: LlavaEncoderConfig;
  readonly settings: NamedModel;
  readonly question: string;
  readonly load: Sample;
}

const QUESTION = 'What happens in this video?';

/** @throws One of the project's errors, whose message is the line to print. */
export async function openSubject(args: ModelArguments, log: Log): Promise<Subject> {
  const settings: ModelChoice = args.preset ? { name: presetName(args), frames: 64 } : chooseModel(args.model);
  const question = args.prompt ?? settings.prompt ?? QUESTION;
  const time = stopwatch();
  const { runtime, model } = args.preset
    ? await openPreset({ ...args, preset: args.preset }, log)
    : await openChosen(args, log, question);
  log.clear();
  if (model.parts.encoder instanceof LlavaEncoder) {
    const { config: encoder } = model.parts.encoder;
    return { name: settings.name, runtime, model, encoder, settings, question, load: time() };
  }
  runtime.close();
  throw new InputError(
    `${model.name}: ff-bench counts the arithmetic of LLaVA's families, not of ${model.architecture}.`,
  );
}

/** Says what of the shapes was cut, too. */
function presetName({ preset, layers, visionLayers, seed }: ModelArguments): string {
  const cut = [layers && `${layers} layers`, visionLayers && `${visionLayers} vision layers`].filter(Boolean);
  return [`${preset}, weights of seed ${seed}`, ...cut].join(', ');
}

/** Real shapes, and weights that are drawn while they load: no file of gigabytes. */
async function openPreset(args: ModelArguments & Required<Pick<ModelArguments, 'preset'>>, log: Log) {
  const shape: Partial<ModelShape> = { ...given('layers', args.layers), ...given('visionLayers', args.visionLayers) };
  const tokenizer = join(root, 'assets/tiny-llava-video');
  const runtime = await openAdapter(args.adapter, log);
  const model = await loadCheckpoint(virtualCheckpoint(args.preset, { seed: args.seed, shape, tokenizer }), runtime, {
    dtype: args.dtype ?? 'auto',
    progress: (done, of) => log.progress(`drawing weights, ${bytesText(done)} of ${bytesText(of)}`),
  });
  return { runtime, model };
}

function openChosen(
  args: ModelArguments,
  log: Log,
  question: string,
): Promise<{ runtime: Runtime; model: VideoModel }> {
  const { maxNewTokens, dtype } = args;
  const wanted = { dtype, frames: Math.max(...args.frames), cost: 1, reducer: () => undefined, question, maxNewTokens };
  return findChoice(chooseModel(args.model), log).then((choice) => openModel(args, choice, log, wanted));
}

/** The model under FrameFusion at a budget; 1 is the dense model, unless `always`. */
export function reduced({ model, settings }: Subject, args: ModelArguments, cost: number, always = false): VideoModel {
  if (cost === 1 && !always) return model.withReducer(undefined);
  return model.withReducer(
    reducerNamed('framefusion', { cost, similarityLowerBound: args.similarity, ratioLowerBound: args.ratio }, settings),
  );
}

/** The clip, opened once. */
export function openClip(args: ModelArguments): Promise<Video> {
  return openVideo(args.video ?? join(root, 'assets/clip.mp4'));
}

/** Just so many frames of it: a short clip shows some twice. */
export function framesOf(video: Video, { model }: Subject, frames: number): Promise<SampledVideo> {
  return sampleVideo(video, { ...model.frameFormat, maxFrames: frames, forceSample: true });
}
