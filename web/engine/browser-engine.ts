/** The engine that is this browser: the library, in a worker. */
import { loadModel, openRuntime, type Runtime, sampleVideo, samplingOf, type VideoModel } from '../../browser.ts';
import { bytesText } from '../../engine/text.ts';
import { askedOf, EMBEDDED, exampleQuestions, foreignVideoNote } from '../../library/embedded-model.ts';
import { removeModel, storedModel, storeModel } from '../../library/stored-model.ts';
import type { Video } from '../../media/video.ts';
import { untouched } from '../../viewer/played.ts';
import { Conversation } from './conversation.ts';
import type { AnswerEvent, Choice, Engine, LoadedModel, OnProgress, Place, Question, ShownVideo } from './engine.ts';
import { openAny } from './open-any.ts';
import { pictureOf } from './picture.ts';

/** Where the files that come with the page are. */
const here = import.meta.url; // named, so that the bundler takes it for no file of its own
const ASSETS = new URL('../assets/', here).href;

/** What the page says where the command line would name its flags. */
const SAYS = {
  instead: 'choose a larger model at the top',
  known: 'choose one of those below',
};

export class BrowserEngine implements Engine {
  #runtime: Runtime | undefined;
  #model: VideoModel | undefined;
  #conversation: Conversation | undefined;
  /** The model whose kernels have not all run yet. */
  #cold: VideoModel | undefined;
  #stop = new AbortController();
  /** The last answer, which may still be on its way to its end when who asked has given up on it. */
  #answer: Promise<void> = Promise.resolve();

  async start(): Promise<Place> {
    this.#runtime ??= await openRuntime();
    const { adapterName, adapterKind } = this.#runtime;
    return { where: 'browser', adapter: adapterName, kind: adapterKind };
  }

  async load(name: string, on: OnProgress): Promise<LoadedModel> {
    await this.start();
    const { signal } = this.#begin();
    this.#forget();
    this.#model?.[Symbol.dispose]();
    this.#model = undefined;
    const model = await loadModel(name === EMBEDDED ? `${ASSETS}${EMBEDDED}` : name, {
      runtime: this.#runtime,
      reducer: 'none',
      signal,
      progress: on,
    });
    this.#model = model;
    this.#cold = model;
    const { layers, weights, computeDtype } = model;
    const formats = weights.formats.join(' + ');
    const precision = formats === computeDtype ? formats : `${formats} x ${computeDtype}`;
    return {
      name,
      facts: `${layers} layers, ${bytesText(weights.bytes)}, ${precision}`,
      examples: name === EMBEDDED ? exampleQuestions() : [model.question],
      ...(name === EMBEDDED && { limits: LIMITS }),
    };
  }

  async show(source: Blob | string, name: string, on: OnProgress): Promise<ShownVideo> {
    const model = this.#loaded();
    const { signal } = this.#begin();
    this.#forget();
    const video = await openAny(source, { name, signal });
    try {
      return await this.#show(model, video, on, signal);
    } finally {
      await video.close();
    }
  }

  async #show(model: VideoModel, video: Video, on: OnProgress, signal: AbortSignal): Promise<ShownVideo> {
    const sampled = await sampleVideo(video, {
      ...samplingOf(model),
      signal,
      progress: (done, of) => on({ stage: 'decode', done, of }),
    });
    const encoded = await model.encode(sampled, { signal, progress: (done, of) => on({ stage: 'encode', done, of }) });
    this.#conversation = new Conversation(model, encoded);
    const { grid } = encoded;
    const each = grid.framesPerGroup;
    const drawn = sampled.images.filter((_, i) => i % each === 0);
    const pictures = await Promise.all(
      drawn.map(async (image, i) => ({
        source: await pictureOf(image, sampled.pictures[0] ?? sampled),
        seconds: sampled.sampling.times[i * each] ?? 0,
      })),
    );
    const tokens = encoded.tokens.shape[0]!;
    const foreign = foreignVideoNote(nameOf(model), video.info, SAYS);
    const { width, height, frames, durationSeconds } = video.info;
    return {
      name: video.name,
      file: {
        ...{ width, height, frames, durationSeconds },
        sampled: sampled.sampling.indices,
        decoder: video.decoder,
      },
      traced: { tokens: untouched(tokens, tokens / drawn.length, grid), pictures, width, height },
      notes: [...video.warnings, ...(foreign ? [foreign] : [])],
    };
  }

  async ask(question: Question, on: (event: AnswerEvent) => void): Promise<void> {
    const model = this.#loaded();
    const { signal } = this.#begin();
    await this.#answer.catch(() => undefined);
    signal.throwIfAborted();
    if (!this.#conversation) throw new Error('ask: no video is shown.');
    const { question: text, note } = askedOf(nameOf(model), question.text, SAYS);
    on({ kind: 'asked', text, ...(note !== undefined && { note }) });
    if (this.#cold === model) {
      on({ kind: 'warming' });
      await this.#conversation.warmUp(question.cost, signal);
      this.#cold = undefined;
    }
    this.#answer = this.#conversation.ask({ ...question, text }, on, signal);
    await this.#answer;
  }

  async stop(): Promise<void> {
    this.#stop.abort(new DOMException('Stopped.', 'AbortError'));
  }

  async choices(on: (choice: Choice) => void): Promise<void> {
    await this.start();
    const { tellChoices } = await import('./choices.ts');
    await tellChoices(this.#runtime!, `${ASSETS}${EMBEDDED}`, on);
  }

  async download(model: string, on: OnProgress): Promise<void> {
    await this.start();
    const { signal } = this.#begin();
    await storeModel(model, this.#runtime!, {
      signal,
      progress: (done, of) => on({ stage: 'download', done, of }),
    });
  }

  async remove(model: string): Promise<void> {
    await removeModel(model);
  }

  stored(model: string): Promise<Choice['stored']> {
    return storedModel(model);
  }

  /** One thing at a time: what is being done ends. */
  #begin(): { readonly signal: AbortSignal } {
    this.#stop.abort(new DOMException('Stopped.', 'AbortError'));
    this.#stop = new AbortController();
    return this.#stop;
  }

  #loaded(): VideoModel {
    if (!this.#model) throw new Error('no model is loaded.');
    return this.#model;
  }

  #forget(): void {
    this.#conversation?.[Symbol.dispose]();
    this.#conversation = undefined;
  }
}

/** The name in the catalogue. */
const nameOf = ({ name }: VideoModel): string => (name.startsWith(ASSETS) ? EMBEDDED : name);

const LIMITS =
  'This small model comes with the page. It knows drawn clips of coloured shapes and a few kinds of questions; its answers about other videos mean nothing.';
