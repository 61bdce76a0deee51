import type { Checkpoint, CheckpointFiles } from '../checkpoint/safetensors.ts';
import { InputError, WeightsError } from '../engine/errors.ts';
import type { Crop, CroppedPicture, Size } from '../engine/geometry.ts';
import type { PipelineUse } from '../engine/pipelines.ts';
import type { Recorder, Timing } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import { Decoder } from './decoder/decoder.ts';
import { encodeFrames, type FramesToEncode, groupsOf, tokensPerGroup } from './encode.ts';
import { type FamilyPlan, tokensIn, type VideoEncoder } from './family.ts';
import { openParts, subFolder } from './files.ts';
import { checkGenerateOptions, type GenerateOptions, generate, newStats } from './generate.ts';
import { bytesOf, stretched } from './pictures.ts';
import { normalise } from './preprocess.ts';
import { type PromptVisual, promptTokens } from './prompt.ts';
import type { Prompt, TokenReducer } from './reduction.ts';
import type { PlannedModel } from './registry.ts';
import { rehearse } from './rehearsal.ts';
import { PromptText, stopIdsOf } from './text.ts';
import type {
  Answer,
  EncodedPicture,
  EncodedVideo,
  FrameFormat,
  LoadedWeights,
  LoadOptions,
  ModelDType,
  Seen,
  VideoFrames,
  VideoModel,
} from './video-model.ts';
import { precision, WeightLoader } from './weights.ts';

/** Parts that all copies of one loaded model share. */
interface Parts {
  readonly name: string;
  readonly architecture: string;
  readonly runtime: Runtime;
  readonly plan: FamilyPlan;
  readonly loader: WeightLoader;
  readonly encoder: VideoEncoder;
  readonly decoder: Decoder;
  readonly text: PromptText | WeightsError;
  readonly stopIds: ReadonlySet<number>;
  readonly unusedTensors: readonly string[];
}

/** Frames as a vision tower takes them. */
export interface VideoPixels extends Pick<EncodedVideo, 'frames' | 'pictures' | 'times'> {
  /** Normalised pixels `[end - start, 3, height, width]` of one picture, asked for a few frames at a time. */
  readonly pixels: (start: number, end: number, picture: number) => Float32Array;
}

/** A model of any family on the GPU: what `FamilyPlan` describes, run. */
export class LoadedModel implements VideoModel {
  readonly reducer: TokenReducer | undefined;
  readonly #parts: Parts;

  private constructor(parts: Parts, reducer: TokenReducer | undefined) {
    this.#parts = parts;
    this.reducer = reducer;
  }

  /**
   * Loads a checkpoint's weights as its family plans.
   *
   * @param architecture - What config.json calls it.
   * @throws WeightsError if a file or tensor is missing, damaged or does not fit the config. A missing tokenizer is
   *   an error only when a question is asked.
   */
  static async load(
    files: CheckpointFiles,
    runtime: Runtime,
    planned: PlannedModel,
    options: LoadOptions = {},
  ): Promise<LoadedModel> {
    const { dtype = 'auto', chatTemplate = 'tokenizer', progress } = options;
    const { plan } = planned;
    precision(dtype, runtime); // refuses what the adapter cannot do before anything is read
    const textFiles = subFolder(files, plan.textFolder);
    const text = await PromptText.load(textFiles, plan.prompt, chatTemplate).catch((error: unknown) => {
      if (error instanceof WeightsError) return error;
      throw error;
    });
    const stopIds = await stopIdsOf(textFiles, plan, text);
    const checkpoint = await openParts(files, plan.weightFolders);
    const shared = { ...planned, name: files.name, text, stopIds };
    const loadOn = (on: Runtime, told?: LoadOptions['progress']) =>
      LoadedModel.#loadOn(on, checkpoint, shared, { dtype, progress: told });
    const [model, compiled] = await Promise.allSettled([
      loadOn(runtime, progress),
      compilePipelines(runtime, options.pipelines, loadOn),
    ]);
    await checkpoint.close();
    if (model.status === 'rejected') throw model.reason;
    if (compiled.status === 'fulfilled') return model.value;
    model.value[Symbol.dispose]();
    throw compiled.reason;
  }

  static async #loadOn(
    runtime: Runtime,
    checkpoint: Checkpoint,
    shared: Pick<Parts, 'name' | 'architecture' | 'plan' | 'text' | 'stopIds'>,
    { dtype, progress }: { readonly dtype: ModelDType; readonly progress: LoadOptions['progress'] },
  ): Promise<LoadedModel> {
    const { plan } = shared;
    const { act, format } = precision(dtype, runtime);
    const loader = new WeightLoader(runtime, checkpoint, { format, progress });
    try {
      const decoder = await Decoder.load(loader, plan.decoder, plan.decoderNames, act);
      const encoder = await plan.loadEncoder(loader, act, decoder);
      await loader.finish();
      const unusedTensors = loader.unused(plan.ignorable);
      return new LoadedModel({ ...shared, runtime, loader, encoder, decoder, unusedTensors }, undefined);
    } catch (error) {
      loader.dispose();
      throw error;
    }
  }

  get name(): string {
    return this.#parts.name;
  }
  get architecture(): string {
    return this.#parts.architecture;
  }
  get runtime(): Runtime {
    return this.#parts.runtime;
  }
  get act(): 'f32' | 'f16' {
    return this.#parts.decoder.act;
  }
  get weights(): LoadedWeights {
    return this.#parts.loader.summary;
  }
  get layers(): number {
    return this.#parts.plan.decoder.layers;
  }
  get unusedTensors(): readonly string[] {
    return this.#parts.unusedTensors;
  }
  get frameFormat(): FrameFormat {
    return this.#parts.plan.frameFormat;
  }
  get pictureFormat(): VideoModel['pictureFormat'] {
    return this.#parts.plan.pictures?.crops;
  }
  /** The language model's layers, for tests and tools. */
  get decoder(): Decoder {
    return this.#parts.decoder;
  }
  /** From pixels to visual tokens, for tests and tools. */
  get encoder(): VideoEncoder {
    return this.#parts.encoder;
  }

  withReducer(reducer: TokenReducer | undefined): LoadedModel {
    return new LoadedModel(this.#parts, reducer);
  }

  async encode(frames: VideoFrames, progress?: (done: number, of: number) => void): Promise<EncodedVideo> {
    const { images, times } = frames;
    if (images.length === 0) throw new InputError('encode: a video needs at least one frame.');
    const pictures = this.#picturesOf(frames);
    return this.encodePixels(
      { frames: images.length, pictures, pixels: this.#pixels(images, pictures), times },
      progress,
    );
  }

  async encodePicture({ image, crops }: CroppedPicture): Promise<EncodedPicture> {
    if (crops.length === 0) throw new InputError('encodePicture: a picture needs at least one crop.');
    const pixels = this.#pixels([image], crops);
    return this.encodePicturePixels(crops, (crop) => pixels(0, 1, crop));
  }

  /** As `encode`, from normalised pixels. */
  async encodePixels(
    { times, ...shown }: VideoPixels,
    progress?: (done: number, of: number) => void,
  ): Promise<EncodedVideo> {
    const { frames, pictures } = shown;
    return { ...(await this.#encode(this.encoder, { ...shown, progress })), frames, pictures, times };
  }

  /** As `encodePicture`, from normalised pixels of each crop, `[3, height, width]`. */
  async encodePicturePixels(crops: readonly Crop[], pixels: (crop: number) => Float32Array): Promise<EncodedPicture> {
    const { plan, encoder, name } = this.#parts;
    if (!plan.pictures) throw new InputError(`${name}: ${this.architecture} takes no pictures here, only a video.`);
    // As a single frame in several pictures.
    const frame = { frames: 1, pictures: crops, pixels: (_start: number, _end: number, i: number) => pixels(i) };
    return { ...(await this.#encode(encoder.still ?? encoder, frame)), crops };
  }

  async #encode(encoder: VideoEncoder, frames: Omit<FramesToEncode, 'width'>) {
    const { runtime, plan } = this.#parts;
    const tokens = await encodeFrames(runtime, encoder, { ...frames, width: plan.decoder.hiddenSize });
    let live = true;
    const dispose = (): void => {
      // Given back twice, a buffer would be handed out twice.
      if (live) runtime.pool.release(tokens.buffer);
      live = false;
    };
    return { tokens, grid: encoder.tokenGrid(frames.pictures[0]!), [Symbol.dispose]: dispose };
  }

  #pixels(images: readonly Uint8Array[], pictures: readonly Size[]) {
    const ends = pictures.map((_, i) => bytesOf(pictures.slice(0, i + 1)));
    const wrong = images.find((image) => image.length !== ends.at(-1));
    if (wrong) {
      const sizes = pictures.map(({ width, height }) => `${width} x ${height}`).join(' and ');
      throw new InputError(`encode: frames must be ${sizes} RGB, got ${wrong.length} bytes.`);
    }
    const { runtime, plan } = this.#parts;
    if (runtime.virtual)
      return (start: number, end: number, i = 0) => new Float32Array((end - start) * bytesOf([pictures[i]!]));
    const by = plan.pixels;
    return (start: number, end: number, i = 0): Float32Array =>
      normalise(
        images.slice(start, end).map((image) => image.subarray(ends[i - 1] ?? 0, ends[i])),
        by,
      );
  }

  #picturesOf(frames: VideoFrames): readonly Crop[] {
    const { pictures } = this.frameFormat;
    if (pictures && frames.pictures) return frames.pictures;
    const size = this.#sizeOf(frames);
    return pictures?.(size) ?? [stretched(size)];
  }

  #sizeOf({ width, height }: VideoFrames): Size {
    const { size } = this.frameFormat;
    if (typeof size === 'number') {
      if ((width ?? size) !== size || (height ?? size) !== size)
        throw new InputError(`encode: frames must be ${size} x ${size} RGB, got ${width} x ${height}.`);
      return { width: size, height: size };
    }
    if (width === undefined || height === undefined)
      throw new InputError(`encode: ${this.architecture} takes frames of any size, so width and height must be given.`);
    return { width, height };
  }

  answer(asked: EncodedVideo | Seen | undefined, question: string, options: GenerateOptions = {}): Answer {
    const { runtime, decoder, stopIds } = this.#parts;
    const text = this.#text();
    checkGenerateOptions(options);
    const seen = seenOf(asked);
    const ids = this.#ids(text, question, seen);
    const stats = newStats();
    const prompt = (rec: Recorder): Prompt => this.prompt(rec, ids, seen);
    const request = { ...options, decoder, runtime, prompt, stopIds, reducer: this.reducer };
    return {
      stats,
      async *[Symbol.asyncIterator]() {
        const stream = text.tokenizer.stream();
        for await (const id of generate(request, stats)) {
          const piece = stream.push(id);
          if (piece) yield piece;
        }
        const rest = stream.end();
        if (rest) yield rest;
      },
    };
  }

  async firstLogits(
    asked: EncodedVideo | Seen | undefined,
    question: string,
    timed?: (timings: readonly Timing[]) => void,
  ): Promise<Float32Array> {
    const { runtime, decoder } = this.#parts;
    const seen = seenOf(asked);
    const ids = this.#ids(this.#text(), question, seen);
    const rec = runtime.recorder('first logits', { time: timed ? 2 : 0 });
    const cache = decoder.newCache(0);
    try {
      const tokens = this.prompt(rec, ids, seen);
      const run = this.reducer?.start(tokens, this.layers) ?? {};
      const left = await decoder.forward(rec, tokens, cache, { positions: tokens.hidden.shape2()[0], run });
      const logits = rec.scope('head', () => decoder.logits(rec, decoder.lastNormed(rec, left)));
      const scores = (await rec.read(logits)) as Float32Array;
      if (timed) timed(await rec.timings());
      return scores;
    } finally {
      rec.finish();
      cache.dispose();
    }
  }

  /**
   * A prompt's tokens, as `promptTokens`.
   *
   * @param ids - Token ids, with `VIDEO_ID` in every place of the pictures and then of the video.
   */
  prompt(rec: Recorder, ids: readonly number[], asked: EncodedVideo | Seen | undefined): Prompt {
    const { video, pictures = [] } = seenOf(asked);
    const visuals = pictures.map((picture) => this.#promptPicture(picture, video !== undefined));
    return promptTokens(rec, this.#parts, ids, video ? [...visuals, this.#promptVideo(video)] : visuals);
  }

  /** Frees the weights, for every copy of this model. */
  [Symbol.dispose](): void {
    this.#parts.decoder.dispose();
    this.#parts.loader.dispose();
  }

  #text(): PromptText {
    const { text } = this.#parts;
    if (text instanceof WeightsError) throw text;
    return text;
  }

  #ids(text: PromptText, question: string, { video, pictures = [] }: Seen): number[] {
    const { encoder, plan } = this.#parts;
    const spoken = video && { ...video, groups: groupsOf(video.frames, encoder) };
    return text.idsOf(question, spoken, { crops: pictures.map(({ crops }) => crops), form: plan.pictures });
  }

  #promptVideo({ tokens, frames, pictures, grid }: EncodedVideo): PromptVisual {
    const { encoder, plan } = this.#parts;
    const { marks, typedAfter } = plan.prompt;
    const groups = groupsOf(frames, encoder);
    const perGroup = tokensPerGroup(encoder, pictures);
    const places = { video: 1, group: groups, picture: groups * pictures.length }[marks];
    return { tokens, groups, grid, perGroup, marks: places, perType: perGroup, typedAfter };
  }

  #promptPicture({ tokens, crops, grid }: EncodedPicture, besideVideo: boolean): PromptVisual {
    const kind = besideVideo ? 'text' : (this.#parts.plan.pictures?.tokens ?? 'text');
    const perType = { text: 0, row: 1, frames: tokensIn(grid) }[kind];
    const marks = this.#parts.plan.prompt.marks === 'picture' ? crops.length : 1;
    return { tokens, groups: crops.length, grid, perGroup: tokensIn(grid), marks, perType };
  }
}

function seenOf(asked: EncodedVideo | Seen | undefined): Seen {
  return asked && 'tokens' in asked ? { video: asked } : (asked ?? {});
}

/** Has the runtime compile what a run needs: what is named, or else what a twin of the model uses on a virtual adapter. */
async function compilePipelines(
  runtime: Runtime,
  named: readonly PipelineUse[] | undefined,
  loadOn: (runtime: Runtime) => Promise<LoadedModel>,
): Promise<void> {
  if (runtime.traits.compilesAhead) await runtime.pipelines.prepare(named ?? (await rehearse(runtime, loadOn)));
}
