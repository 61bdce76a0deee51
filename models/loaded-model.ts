import { InputError, WeightsError } from '../engine/errors.ts';
import type { Recorder, Timing } from '../engine/recorder.ts';
import type { Runtime } from '../engine/runtime.ts';
import type { CheckpointFiles } from '../engine/safetensors.ts';
import { Decoder } from './decoder/decoder.ts';
import { encodeFrames, groupsOf, tokensPerGroup } from './encode.ts';
import type { FamilyPlan, VideoEncoder } from './family.ts';
import { openParts, subFolder } from './files.ts';
import { checkGenerateOptions, type GenerateOptions, generate, newStats } from './generate.ts';
import { type Picture, picturesOf } from './pictures.ts';
import { normalise } from './preprocess.ts';
import { type PromptVideo, promptTokens } from './prompt.ts';
import type { TokenReducer, Tokens } from './reduction.ts';
import { PromptText, stopIdsOf } from './text.ts';
import type {
  Answer,
  EncodedVideo,
  FrameFormat,
  LoadedWeights,
  LoadOptions,
  TokenGrid,
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
    { architecture, plan }: { readonly architecture: string; readonly plan: FamilyPlan },
    { dtype = 'auto', chatTemplate = 'tokenizer', progress }: LoadOptions = {},
  ): Promise<LoadedModel> {
    const { act, format } = precision(dtype, runtime);
    const textFiles = subFolder(files, plan.textFolder);
    const text = await PromptText.load(textFiles, plan.prompt, chatTemplate).catch((error: unknown) => {
      if (error instanceof WeightsError) return error;
      throw error;
    });
    const checkpoint = await openParts(files, plan.weightFolders);
    const loader = new WeightLoader(runtime, checkpoint, { format, progress });
    try {
      const decoder = await Decoder.load(loader, plan.decoder, plan.decoderNames, act);
      const encoder = await plan.loadEncoder(loader, act, decoder);
      await loader.finish();
      const stopIds = await stopIdsOf(textFiles, plan, text);
      const unusedTensors = loader.unused(plan.ignorable);
      const { name } = files;
      const parts = { name, architecture, runtime, plan, loader, encoder, decoder, text, stopIds, unusedTensors };
      return new LoadedModel(parts, undefined);
    } catch (error) {
      loader.dispose();
      throw error;
    } finally {
      await checkpoint.close();
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
  get tokenGrid(): TokenGrid {
    return this.#parts.encoder.tokenGrid;
  }
  get decoder(): Decoder {
    return this.#parts.decoder;
  }
  get encoder(): VideoEncoder {
    return this.#parts.encoder;
  }

  withReducer(reducer: TokenReducer | undefined): LoadedModel {
    return new LoadedModel(this.#parts, reducer);
  }

  async encode(frames: VideoFrames, progress?: (done: number, of: number) => void): Promise<EncodedVideo> {
    const { images, times } = frames;
    const pictures = (this.frameFormat.pictures && frames.pictures) ?? picturesOf(this.frameFormat);
    if (images.length === 0) throw new InputError('encode: a video needs at least one frame.');
    const ends = pictures.map((_, i) => pictureBytes(pictures.slice(0, i + 1)));
    const wrong = images.find((image) => image.length !== ends.at(-1));
    if (wrong) {
      const sizes = pictures.map(({ width, height }) => `${width} x ${height}`).join(' and ');
      throw new InputError(`encode: frames must be ${sizes} RGB, got ${wrong.length} bytes.`);
    }
    const by = this.#parts.plan.pixels;
    const pixels = (start: number, end: number, i: number): Float32Array =>
      normalise(
        images.slice(start, end).map((image) => image.subarray(ends[i - 1] ?? 0, ends[i])),
        by,
      );
    return this.encodePixels({ frames: images.length, pictures, pixels, times }, progress);
  }

  /** As `encode`, from normalised pixels. */
  async encodePixels(
    { frames, pictures, pixels, times }: VideoPixels,
    progress?: (done: number, of: number) => void,
  ): Promise<EncodedVideo> {
    const { runtime, encoder, plan } = this.#parts;
    const width = plan.decoder.hiddenSize;
    const tokens = await encodeFrames(runtime, encoder, { frames, pictures, width, pixels, progress });
    let live = true;
    const dispose = (): void => {
      // Given back twice, a buffer would be handed out twice.
      if (live) runtime.pool.release(tokens.buffer);
      live = false;
    };
    return { tokens, frames, pictures, times, [Symbol.dispose]: dispose };
  }

  answer(video: EncodedVideo | undefined, question: string, options: GenerateOptions = {}): Answer {
    const { runtime, decoder, stopIds } = this.#parts;
    const text = this.#text();
    checkGenerateOptions(options);
    const ids = text.idsOf(question, this.#spoken(video));
    const stats = newStats();
    const prompt = (rec: Recorder): Tokens => this.prompt(rec, ids, video);
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
    video: EncodedVideo | undefined,
    question: string,
    timed?: (timings: readonly Timing[]) => void,
  ): Promise<Float32Array> {
    const { runtime, decoder } = this.#parts;
    const ids = this.#text().idsOf(question, this.#spoken(video));
    const rec = runtime.recorder('first logits', { time: timed ? 2 : 0 });
    const cache = decoder.newCache(0);
    try {
      const tokens = this.prompt(rec, ids, video);
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
   * @param ids - Token ids, with `VIDEO_ID` in every place of the video.
   */
  prompt(rec: Recorder, ids: readonly number[], video: EncodedVideo | undefined): Tokens {
    return promptTokens(rec, this.#parts, ids, video && this.#promptVideo(video));
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

  #spoken(video: EncodedVideo | undefined) {
    if (!video) return undefined;
    const { frames, pictures, times } = video;
    return { groups: groupsOf(frames, this.#parts.encoder), pictures, times };
  }

  #promptVideo({ tokens, frames, pictures }: EncodedVideo): PromptVideo {
    const { encoder, plan } = this.#parts;
    const { marks, typedAfter } = plan.prompt;
    const groups = groupsOf(frames, encoder);
    const places = { video: 1, group: groups, picture: groups * pictures.length }[marks];
    return { tokens, groups, tokensPerGroup: tokensPerGroup(encoder, pictures), marks: places, typedAfter };
  }
}

/** Of several pictures, RGB in 8 bit. */
function pictureBytes(pictures: readonly Picture[]): number {
  return pictures.reduce((bytes, { width, height }) => bytes + 3 * width * height, 0);
}
