import { InputError, WeightsError } from '../../engine/errors.ts';
import type { Recorder, Timing } from '../../engine/recorder.ts';
import type { Runtime } from '../../engine/runtime.ts';
import { Checkpoint, type CheckpointFiles } from '../../engine/safetensors.ts';
import { ChatTemplate, userTurn, VIDEO_MARK } from '../chat.ts';
import type { ConfigReader } from '../config.ts';
import { readConfig, readText } from '../files.ts';
import { checkGenerateOptions, type GenerateOptions, generate, newStats } from '../generate.ts';
import { Qwen2 } from '../qwen2/qwen2.ts';
import { type TokenReducer, type Tokens, videoLayout } from '../reduction.ts';
import { normalise } from '../siglip/preprocess.ts';
import { Tokenizer } from '../tokenizer.ts';
import type { Answer, EncodedVideo, LoadedWeights, LoadOptions, VideoFrames, VideoModel } from '../video-model.ts';
import { precision, WeightLoader } from '../weights.ts';
import { type LlavaVideoConfig, llavaVideoConfig } from './config.ts';
import { VideoEncoder } from './video-encoder.ts';

/** The id that stands for the video in a prompt (LLaVA-NeXT constants.py, IMAGE_TOKEN_INDEX). */
export const VIDEO_ID = -200;

/** Frames that go through the vision tower together: bounds its activations, whatever the length of the video. */
const FRAMES_AT_ONCE = 8;

/** Stored in published checkpoints, and not used: LLaVA drops the tower's last layer, final norm and head. */
const IGNORABLE = [/\.post_layernorm\./, /\.vision_model\.head\./, /\.position_ids$/, /\.inv_freq$/];

/** Parts that all copies of one loaded model share. */
interface Parts {
  readonly name: string;
  readonly runtime: Runtime;
  readonly config: LlavaVideoConfig;
  readonly loader: WeightLoader;
  readonly encoder: VideoEncoder;
  readonly decoder: Qwen2;
  readonly text: TextParts | WeightsError;
  readonly stopIds: ReadonlySet<number>;
  readonly unusedTensors: readonly string[];
}

interface TextParts {
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
}

/** LLaVA-Video (Zhang et al. 2024): SigLIP tower, GELU projector, pooled and newline-joined tokens, Qwen2 decoder. */
export class LlavaVideo implements VideoModel {
  static readonly architectures = ['LlavaQwenForCausalLM'];
  readonly architecture = 'LlavaQwenForCausalLM';
  readonly reducer: TokenReducer | undefined;
  readonly #parts: Parts;

  private constructor(parts: Parts, reducer: TokenReducer | undefined) {
    this.#parts = parts;
    this.reducer = reducer;
  }

  /**
   * Loads a checkpoint in the published layout.
   *
   * @throws WeightsError if a file or tensor is missing, damaged or does not fit the config. A missing tokenizer is
   *   an error only when a question is asked.
   */
  static async load(
    files: CheckpointFiles,
    runtime: Runtime,
    config: ConfigReader,
    { dtype = 'auto', chatTemplate = 'tokenizer', progress }: LoadOptions = {},
  ): Promise<LlavaVideo> {
    const sizes = llavaVideoConfig(config, await readConfig(files, 'vision_config.json'));
    const { act, format } = precision(dtype, runtime);
    const text = await loadText(files, chatTemplate).catch((error: unknown) => {
      if (error instanceof WeightsError) return error;
      throw error;
    });
    const checkpoint = await Checkpoint.open(files);
    const loader = new WeightLoader(runtime, checkpoint, { format, progress });
    try {
      const encoder = await VideoEncoder.load(loader, sizes.vision, act);
      const decoder = await Qwen2.load(loader, sizes.text, act);
      const last = new RegExp(`\\.vision_model\\.encoder\\.layers\\.${sizes.vision.tower.layers - 1}\\.`);
      await loader.finish();
      const parts: Parts = {
        name: files.name,
        runtime,
        config: sizes,
        loader,
        encoder,
        decoder,
        text,
        stopIds: await stopIds(files, config, text),
        unusedTensors: loader.unused([...IGNORABLE, last]),
      };
      return new LlavaVideo(parts, undefined);
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
    return this.#parts.config.text.layers;
  }
  get unusedTensors(): readonly string[] {
    return this.#parts.unusedTensors;
  }
  get frameFormat(): VideoModel['frameFormat'] {
    const { config } = this.#parts;
    return { size: config.vision.tower.imageSize, forceSample: config.forceSample };
  }
  get decoder(): Qwen2 {
    return this.#parts.decoder;
  }
  get encoder(): VideoEncoder {
    return this.#parts.encoder;
  }

  withReducer(reducer: TokenReducer | undefined): LlavaVideo {
    return new LlavaVideo(this.#parts, reducer);
  }

  async encode(frames: VideoFrames, progress?: (done: number, of: number) => void): Promise<EncodedVideo> {
    const { size } = this.frameFormat;
    const count = frames.images.length;
    if (count === 0) throw new InputError('encode: a video needs at least one frame.');
    const wrong = frames.images.find((image) => image.length !== size * size * 3);
    if (wrong) throw new InputError(`encode: frames must be ${size} x ${size} RGB, got ${wrong.length} bytes.`);
    const pixels = (start: number, end: number): Float32Array => normalise(frames.images.slice(start, end));
    return this.encodePixels(count, pixels, frames.times, progress);
  }

  /** As `encode`, from normalised pixels `[frames, 3, size, size]`, which are asked for a few frames at a time. */
  async encodePixels(
    frames: number,
    pixels: (start: number, end: number) => Float32Array,
    times: VideoFrames['times'],
    progress?: (done: number, of: number) => void,
  ): Promise<EncodedVideo> {
    const { runtime, encoder } = this.#parts;
    const { size } = this.frameFormat;
    const { tokensPerFrame, finalNewline } = encoder;
    const rec = runtime.recorder('vision');
    const rows = frames * tokensPerFrame + (finalNewline ? 1 : 0);
    const tokens = rec.keep(rec.empty('visual tokens', [rows, encoder.config.outSize], 'f32'));
    try {
      for (let start = 0; start < frames; start += FRAMES_AT_ONCE) {
        const end = Math.min(frames, start + FRAMES_AT_ONCE);
        rec.scope('frames', () => {
          const shape = [end - start, 3, size, size];
          const part = encoder.forward(rec, rec.upload('pixels', shape, 'f32', pixels(start, end)));
          rec.copy(part, tokens.rows(start * tokensPerFrame, (end - start) * tokensPerFrame));
        });
        rec.submit();
        if (progress) await runtime.device.queue.onSubmittedWorkDone();
        progress?.(end, frames);
      }
      if (finalNewline) rec.copy(finalNewline, tokens.rows(rows - 1, 1));
      rec.submit();
      await runtime.device.queue.onSubmittedWorkDone();
      await runtime.check();
    } catch (error) {
      rec.adopt(tokens);
      throw error;
    } finally {
      rec.finish();
      // The decoder's buffers have other sizes: what the tower used would only lie beside them.
      runtime.pool.trim();
    }
    let live = true;
    const dispose = (): void => {
      // Given back twice, a buffer would be handed out twice.
      if (live) runtime.pool.release(tokens.buffer);
      live = false;
    };
    return { tokens, frames, times, [Symbol.dispose]: dispose };
  }

  answer(video: EncodedVideo | undefined, question: string, options: GenerateOptions = {}): Answer {
    const { text, runtime, decoder, stopIds } = this.#parts;
    if (text instanceof WeightsError) throw text;
    checkGenerateOptions(options);
    const ids = this.#promptIds(text, video, question);
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
    const { text, runtime, decoder } = this.#parts;
    if (text instanceof WeightsError) throw text;
    const ids = this.#promptIds(text, video, question);
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
   * A prompt's tokens: text embeddings, with the video's tokens in the place of `VIDEO_ID`.
   *
   * @param ids - Token ids, at most one of them `VIDEO_ID`.
   */
  prompt(rec: Recorder, ids: readonly number[], video: EncodedVideo | undefined): Tokens {
    const { decoder, encoder } = this.#parts;
    const at = ids.indexOf(VIDEO_ID);
    if (at !== ids.lastIndexOf(VIDEO_ID)) throw new InputError('prompt: one video can be asked about, not several.');
    if (at >= 0 !== (video !== undefined))
      throw new InputError('prompt: the video and its place in the text go together.');
    const textIds = ids.filter((id) => id !== VIDEO_ID);
    if (textIds.some((id) => !(id >= 0 && id < decoder.config.vocabSize)))
      throw new WeightsError(
        `${this.name}: the tokenizer has ids beyond vocab_size ${decoder.config.vocabSize}: they are of different models.`,
      );
    const tokens = video ? video.tokens.shape2()[0] : 0;
    const rows = textIds.length + tokens;
    if (rows === 0) throw new InputError('prompt: it is empty.');
    const hidden = rec.empty('prompt', [rows, decoder.config.hiddenSize], 'f32');
    rec.scope('prompt', () => {
      const text = decoder.embed(rec, rec.upload('ids', [textIds.length], 'u32', Uint32Array.from(textIds)));
      const before = video ? at : textIds.length;
      rec.copy(text.rows(0, before), hidden);
      if (video) rec.copy(video.tokens, hidden.rows(before, tokens));
      rec.copy(text.rows(before, textIds.length - before), hidden.rows(before + tokens, textIds.length - before));
    });
    const patches = (video?.frames ?? 0) * encoder.tokensPerFrame;
    const position = rec.upload(
      'position',
      [rows],
      'u32',
      Uint32Array.from({ length: rows }, (_, row) => row),
    );
    return {
      hidden,
      position,
      layout: layoutOf(rec, rows, Math.max(at, 0), patches, encoder.tokensPerFrame),
    };
  }

  /** Frees the weights, for every copy of this model. */
  [Symbol.dispose](): void {
    this.#parts.decoder.dispose();
    this.#parts.loader.dispose();
  }

  #promptIds({ tokenizer, template }: TextParts, video: EncodedVideo | undefined, question: string): number[] {
    const times = this.#parts.config.timeInstruction ? video?.times : undefined;
    const turn = video ? userTurn(question, times) : question;
    const rendered = template.render(turn);
    // The mark that we set is the first one; a question that spells it out is text.
    const at = video ? rendered.indexOf(VIDEO_MARK) : -1;
    if (at < 0) return tokenizer.encode(rendered);
    const after = rendered.slice(at + VIDEO_MARK.length);
    return [...tokenizer.encode(rendered.slice(0, at)), VIDEO_ID, ...tokenizer.encode(after)];
  }
}

/** Every frame's tokens have the types 0 .. perFrame; a newline after the whole video counts as text. */
function layoutOf(rec: Recorder, rows: number, first: number, length: number, perFrame: number): Tokens['layout'] {
  const patch = new Int32Array(rows).fill(-1);
  for (let i = 0; i < length; i++) patch[first + i] = i % perFrame;
  const { planes, ...layout } = videoLayout(patch, first, length);
  return { ...layout, planes: rec.upload('layout', [3, rows], 'u32', planes) };
}

async function loadText(
  files: CheckpointFiles,
  chatTemplate: NonNullable<LoadOptions['chatTemplate']>,
): Promise<TextParts> {
  const json = await readText(files, 'tokenizer.json');
  if (json === undefined)
    throw new WeightsError(`${files.name}/tokenizer.json: it is missing. Download it beside the weights.`);
  const settings = await readConfig(files, 'tokenizer_config.json');
  const configText = (await readText(files, 'tokenizer_config.json')) ?? '{}';
  const source = chatTemplate === 'tokenizer' ? settings?.raw('chat_template') : undefined;
  return {
    tokenizer: new Tokenizer(`${files.name}/tokenizer.json`, json, configText),
    template: new ChatTemplate(`${files.name}/tokenizer_config.json`, typeof source === 'string' ? source : undefined),
  };
}

/** generation_config.json names the ids that end an answer, config.json one; ChatML's end of turn always does. */
async function stopIds(
  files: CheckpointFiles,
  config: ConfigReader,
  text: TextParts | WeightsError,
): Promise<ReadonlySet<number>> {
  const generation = await readConfig(files, 'generation_config.json');
  const endOfTurn = text instanceof WeightsError ? undefined : text.tokenizer.idOf('<|im_end|>');
  return new Set([
    ...(generation?.numbers('eos_token_id') ?? []),
    ...config.numbers('eos_token_id'),
    ...(endOfTurn === undefined ? [] : [endOfTurn]),
  ]);
}
