/** What a request shows, encoded: once, and as long as there is room kept on the GPU for whoever shows it again. */
import { createHash } from 'node:crypto';
import { samplingOf } from '../models/defaults.ts';
import type { EncodedPicture, EncodedVideo, SamplingWishes } from '../models/inputs.ts';
import { checkVideos } from '../models/model-parts.ts';
import type { VideoModel } from '../models/video-model.ts';
import type { Shown, ShownFrame } from './conversation.ts';
import { type Decoded, type DecodeLimits, decodePicture, decodeVideo } from './decode.ts';
import { badRequest } from './errors.ts';
import type { Metrics } from './metrics.ts';
import type { FairQueue } from './queue.ts';
import type { GpuCache, Lease } from './shared.ts';
import { openSource, type Source, type SourceLimits } from './sources.ts';

/** What all requests share. */
export interface Workshop {
  readonly limits: SourceLimits & DecodeLimits;
  readonly cache: GpuCache;
  /** Videos and pictures that are decoded at once. */
  readonly decoding: FairQueue;
  /** Work that has the GPU for itself. */
  readonly gpu: FairQueue;
  readonly metrics: Metrics;
}

/** What one request wants. */
export interface Showing {
  readonly model: VideoModel;
  readonly wishes: SamplingWishes;
  readonly signal: AbortSignal;
  /** Whether the video must be decoded, although its tokens are kept. */
  readonly anew?: boolean | undefined;
}

/** Inputs of a question, in use. */
export interface Exhibits extends Disposable {
  readonly videos: readonly EncodedVideo[];
  readonly pictures: readonly EncodedPicture[];
  /** The same for the same inputs. */
  readonly key: string;
  /** Whether all of it was encoded before. */
  readonly cached: boolean;
  /** Of the first video, where it was decoded for this request. */
  readonly decoded: Decoded | undefined;
  /** Another hold on the same. */
  lease(): Disposable;
  /** Counts as used now. */
  touch(): void;
}

/** One thing that is encoded: a picture, or a video, which may come in frames. */
interface Piece {
  readonly kind: 'picture' | 'video';
  readonly parts: readonly ShownFrame[];
  readonly place: string;
}

type Encoded = EncodedVideo | EncodedPicture;

interface Made {
  readonly lease: Lease<Encoded>;
  readonly key: string;
  readonly cached: boolean;
  readonly decoded?: Decoded | undefined;
}

/** Encodes what requests show. */
export class Exhibition {
  readonly #workshop: Workshop;
  /** What is being encoded: who wants the same waits. */
  readonly #coming = new Map<string, Promise<unknown>>();

  constructor(workshop: Workshop) {
    this.#workshop = workshop;
  }

  /** @throws ApiError, VideoError, InputError - whose message is for the client; the signal's reason. */
  async show(shown: readonly Shown[], showing: Showing): Promise<Exhibits> {
    const pieces = piecesOf(shown, showing.model);
    const made: Made[] = [];
    const dispose = (): void => {
      for (const { lease } of made) lease[Symbol.dispose]();
    };
    try {
      for (const piece of pieces) made.push(await this.#one(piece, showing));
    } catch (error) {
      dispose();
      throw error;
    }
    const valuesOf = (kind: Piece['kind']) =>
      made.filter((_, i) => pieces[i]!.kind === kind).map(({ lease }) => lease.value);
    return {
      videos: valuesOf('video') as EncodedVideo[],
      pictures: valuesOf('picture') as EncodedPicture[],
      key: made.map(({ key }) => key).join(' '),
      cached: made.every(({ cached }) => cached),
      decoded: made.find((_, i) => pieces[i]!.kind === 'video')?.decoded,
      lease: () => {
        const more = made.map(({ lease }) => lease.again());
        return {
          [Symbol.dispose]: () => {
            for (const one of more) one[Symbol.dispose]();
          },
        };
      },
      touch: () => {
        for (const { key } of made) this.#workshop.cache.touch(key);
      },
      [Symbol.dispose]: dispose,
    };
  }

  async #one(piece: Piece, showing: Showing): Promise<Made> {
    const { limits, cache, metrics } = this.#workshop;
    const sources: Source[] = [];
    try {
      for (const { url, place } of piece.parts) sources.push(await openSource(url, place, limits, showing.signal));
      const key = keyOf(piece, sources, showing);
      if (showing.anew) return await this.#make(piece, sources, key, showing);
      let kept = cache.get<Encoded>(key);
      for (let coming = this.#coming.get(key); !kept && coming; coming = this.#coming.get(key)) {
        await coming.catch(() => undefined); // whoever made it may have gone away
        kept = cache.get<Encoded>(key);
      }
      metrics.cache.inc({ cache: 'video', result: kept ? 'hit' : 'miss' });
      if (kept) return { lease: kept, key, cached: true };
      const making = this.#make(piece, sources, key, showing);
      this.#coming.set(key, making);
      return await making.finally(() => this.#coming.delete(key));
    } finally {
      for (const source of sources) await source[Symbol.asyncDispose]();
    }
  }

  async #make(piece: Piece, sources: readonly Source[], key: string, showing: Showing): Promise<Made> {
    const { cache } = this.#workshop;
    const { encoded, decoded } = await this.#encode(piece, sources, showing);
    const { tokens, planes = [] } = encoded;
    const bytes = [tokens, ...planes].reduce((sum, { byteLength }) => sum + byteLength, 0);
    return { lease: cache.put(key, encoded, bytes), key, cached: false, decoded };
  }

  async #encode(
    piece: Piece,
    sources: readonly Source[],
    { model, wishes, signal }: Showing,
  ): Promise<{ encoded: Encoded; decoded?: Decoded }> {
    const { limits, decoding, gpu, metrics } = this.#workshop;
    const stage = async <T>(name: 'decode' | 'encode', queue: FairQueue, work: () => Promise<T>): Promise<T> => {
      using _ = await queue.enter('', signal);
      const done = metrics.seconds.startTimer({ stage: name });
      return work().finally(done);
    };
    if (piece.kind === 'picture') {
      const crops = model.pictureFormat!;
      const picture = await stage('decode', decoding, () =>
        decodePicture(sources[0]!, piece.place, crops, limits, signal),
      );
      return { encoded: await stage('encode', gpu, () => model.encodePicture(picture, { signal })) };
    }
    const frames = { sources, seconds: secondsOf(piece), place: piece.place };
    const decoded = await stage('decode', decoding, () => decodeVideo(frames, model, wishes, limits, signal));
    return { encoded: await stage('encode', gpu, () => model.encode(decoded.sampled, { signal })), decoded };
  }
}

/** What is shown as a model takes it: one that takes no pictures is shown a video of them. */
function piecesOf(shown: readonly Shown[], { parts, pictureFormat }: VideoModel): Piece[] {
  const pieces: Piece[] = [];
  const loose: ShownFrame[] = [];
  for (const one of shown) {
    if (one.kind === 'video')
      pieces.push({ kind: 'video', parts: [{ ...one.video, kind: 'picture' }], place: one.video.place });
    else if (one.kind === 'picture' && pictureFormat)
      pieces.push({ kind: 'picture', parts: [{ ...one.picture, kind: 'picture' }], place: one.picture.place });
    else if (one.kind === 'frames' && pictureFormat)
      pieces.push({ kind: 'video', parts: one.frames, place: one.frames[0]!.place });
    else loose.push(...(one.kind === 'frames' ? one.frames : [{ ...one.picture, kind: 'picture' as const }]));
  }
  if (loose.length > 0) pieces.push({ kind: 'video', parts: loose, place: loose[0]!.place });
  checkVideos(parts, pieces.filter(({ kind }) => kind === 'video').length);
  // Pictures come before the videos: that is how the models are shown both.
  return pieces.sort((a, b) => Number(a.kind === 'video') - Number(b.kind === 'video'));
}

/** @throws ApiError if some have a time and others have none. */
function secondsOf({ parts, place }: Piece): number[] | undefined {
  const seconds = parts.map((part) => part.seconds);
  if (seconds.every((time) => time === undefined)) return undefined;
  if (seconds.some((time, i) => time === undefined || time < (seconds[i - 1] ?? 0)))
    throw badRequest(`${place}: each picture of a video needs a time, or none does, and times ascend.`, {
      param: place,
    });
  return seconds as number[];
}

function keyOf(piece: Piece, sources: readonly Source[], { model, wishes }: Showing): string {
  const { maxFrames, fps, forceSample, start, end } = samplingOf(model, wishes);
  const sampling = piece.kind === 'video' ? [maxFrames, fps, forceSample, start, end, model.reducer?.salience] : [];
  const facts = [piece.kind, sources.map(({ hash }) => hash), sources[0]?.data.length, secondsOf(piece), sampling];
  return `video ${createHash('sha256').update(JSON.stringify(facts)).digest('hex')}`;
}
