import { InputError } from '../engine/errors.ts';
import type { CroppedPicture, CropsOf } from '../engine/geometry.ts';
import type { Runtime } from '../engine/runtime.ts';
import { Answer, type AskOptions } from './answer.ts';
import { type ModelDefaults, samplingOf } from './defaults.ts';
import { type EncodeOptions, encodePicture, encodeVideo } from './encoding.ts';
import type { GenerationDefaults } from './generation-config.ts';
import {
  type About,
  type EncodedPicture,
  type EncodedVideo,
  type FrameFormat,
  inputsOf,
  type SamplingWishes,
  type VideoFrames,
  type VideoReader,
  type VideoSource,
  videosOf,
} from './inputs.ts';
import { checkAlive, checkVideos, type ModelParts } from './model-parts.ts';
import { encodeInPieces } from './pieces.ts';
import type { TokenReducer } from './reduction.ts';
import { Session, type SessionOptions } from './session.ts';
import type { LoadedWeights } from './weights.ts';

/** What is set on one copy of a model. */
interface Settings {
  readonly reducer?: TokenReducer | undefined;
  readonly defaults?: ModelDefaults | undefined;
  readonly reader?: VideoReader | undefined;
  /** Closes what was opened for this model alone. */
  readonly close?: (() => void) | undefined;
}

/**
 * A model that answers questions about videos and pictures: what a family's spec describes, on the GPU. Immutable:
 * `withReducer` gives another one on the same weights.
 */
export class VideoModel {
  /** What it is made of, for tools and tests; no part of the public interface. */
  readonly parts: ModelParts;
  readonly #settings: Settings;

  constructor(parts: ModelParts, settings: Settings = {}) {
    this.parts = parts;
    this.#settings = settings;
  }

  /** What it computes on. */
  get runtime(): Runtime {
    return this.parts.runtime;
  }
  /** What messages call it: its name in the catalogue, or its folder. */
  get name(): string {
    return this.parts.name;
  }
  /** What config.json calls its architecture. */
  get architecture(): string {
    return this.parts.architecture;
  }
  /** dtype of what is multiplied. */
  get computeDtype(): 'f32' | 'f16' {
    return this.parts.decoder.computeDtype;
  }
  /** What it holds on the GPU. */
  get weights(): LoadedWeights {
    return this.parts.loader.summary;
  }
  /** Layers of the decoder. */
  get layers(): number {
    return this.parts.spec.decoder.layers;
  }
  /** Stored tensors that the loader did not know. */
  get unusedTensors(): readonly string[] {
    return this.parts.unusedTensors;
  }
  /** What `encode` wants to be shown. */
  get frameFormat(): FrameFormat {
    return this.parts.spec.frameFormat;
  }
  /** The crops that it wants a picture in, by its size; undefined if it takes no pictures. */
  get pictureFormat(): CropsOf | undefined {
    return this.parts.spec.pictures?.crops;
  }
  /** How its answers are written where a question does not say: generation_config.json. */
  get generation(): GenerationDefaults {
    return this.parts.generation;
  }
  /** What it is run with where a question does not say. */
  get defaults(): ModelDefaults {
    return this.#settings.defaults ?? {};
  }
  /** The reducer that shortens its sequences; undefined runs dense. */
  get reducer(): TokenReducer | undefined {
    return this.#settings.reducer;
  }

  /**
   * The same weights under another reducer; `undefined` runs dense. The model itself stays as it is.
   *
   * @throws InputError if it is no reducer.
   */
  withReducer(reducer: TokenReducer | undefined): VideoModel {
    if (reducer !== undefined && typeof reducer?.start !== 'function')
      throw new InputError('withReducer: a reducer must have a name and a function start, or be undefined for none.');
    return new VideoModel(this.parts, { ...this.#settings, reducer });
  }

  /**
   * Encodes a video: its tokens stay on the GPU until they are disposed of.
   *
   * @throws InputError if there is no frame, or one has another size than `frameFormat` says; the signal's reason.
   */
  encode(frames: VideoFrames, { piece, ...options }: EncodeOptions = {}): Promise<EncodedVideo> {
    const { salience } = this.reducer ?? {};
    const how = { ...(salience && { salience }), ...options };
    if (piece === undefined) return encodeVideo(this.parts, frames, how);
    return encodeInPieces(this.parts, this.reducer, frames, piece, how);
  }

  /**
   * Encodes a picture.
   *
   * @param picture - In the crops of `pictureFormat`, as `cropPicture` makes them.
   * @throws InputError if the model takes no pictures or none of such a size, or there are other bytes than the crops have.
   */
  encodePicture(picture: CroppedPicture, options?: EncodeOptions): Promise<EncodedPicture> {
    return encodePicture(this.parts, picture, options);
  }

  /**
   * A conversation about what `encode` and `encodePicture` made, which must stay until it ends.
   *
   * @param about - A video, or several, may stand for themselves; undefined for words alone.
   * @throws InputError if there are several videos and the model takes one, or what was said before is no conversation.
   */
  session(about?: About, options: SessionOptions = {}): Session {
    checkAlive(this.parts);
    const inputs = inputsOf(about);
    checkVideos(this.parts, videosOf(inputs).length);
    return new Session(this.parts, this.reducer, inputs, options);
  }

  /** One question of a session of its own, as `Session.ask`. */
  answer(about: About | undefined, question: string, options: AskOptions = {}): Answer {
    const session = this.session(about);
    const answer = session.ask(question, options);
    return new Answer(async function* (stats) {
      try {
        yield* answer.within(stats);
      } finally {
        session[Symbol.dispose]();
      }
    });
  }

  /**
   * One question about a video that is read, sampled and encoded for it, or about several. To ask several questions, encode
   * once and use `session`.
   *
   * @param source - A path or address in Node, a `File` or an address in a page, or the bytes of a video; or a list of them.
   * @param question - Default: the model's own, else "Describe the video."
   * @throws As `Session.ask`, when iterated; VideoError if the video cannot be read.
   */
  ask(
    source: VideoSource | readonly VideoSource[],
    question = this.question,
    options: AskOptions & AskSourceOptions = {},
  ): Answer {
    checkAlive(this.parts);
    const { reader } = this.#settings;
    if (!reader)
      throw new InputError(
        'ask: this model was loaded without a reader of videos. Use encode and answer, or loadModel.',
      );
    const sources: readonly VideoSource[] = Array.isArray(source) ? source : [source];
    if (sources.length === 0) throw new InputError('ask: it must be given a video, got an empty list.');
    checkVideos(this.parts, sources.length);
    const model = this;
    return new Answer(async function* (stats) {
      const { signal, encoding, skipStill, piece } = options;
      const videos: EncodedVideo[] = [];
      try {
        for (const one of sources) {
          const frames = await reader(one, samplingOf(model, options), signal);
          videos.push(await model.encode(frames, { signal, progress: encoding, skipStill, piece }));
        }
        using session = model.session(videos);
        yield* session.ask(question, options).within(stats);
      } finally {
        for (const video of videos) video[Symbol.dispose]();
      }
    });
  }

  /** What is asked where nobody asks. */
  get question(): string {
    return this.defaults.prompt ?? 'Describe the video.';
  }

  /** Frees the weights, for every copy of this model, and what was opened for it. */
  [Symbol.dispose](): void {
    const { life, decoder, loader } = this.parts;
    if (life.over) return;
    life.over = true;
    decoder.dispose();
    loader.dispose();
    this.#settings.close?.();
  }
}

/** How a video is sampled for a question. */
export interface AskSourceOptions extends SamplingWishes, Pick<EncodeOptions, 'skipStill' | 'piece'> {
  /** Told how many frames of how many went through the vision tower. */
  readonly encoding?: (done: number, of: number) => void;
}
