/** Picture files as the frames of a video. */
import { InputError } from '../engine/errors.ts';
import type { VideoSource } from './address.ts';
import type { Picture } from './crop-picture.ts';
import { findNative } from './ffmpeg-native.ts';
import { checkIndices } from './frames.ts';
import type { OpenVideoOptions } from './open-video.ts';
import { openPicture } from './picture.ts';
import type { Frame, FramesOptions, Video, VideoInfo } from './video.ts';

/** How pictures become a video. */
export interface PictureVideoOptions extends OpenVideoOptions {
  /** What errors call it. */
  readonly name: string;
  /** Frames a second; default 1. */
  readonly fps?: number | undefined;
  /** When each was taken, in seconds, ascending; default at the rate. */
  readonly times?: readonly number[] | undefined;
  /** Pictures that are decoded at once; default 2. */
  readonly ahead?: number;
}

/**
 * A video whose frames are picture files: each is decoded when it is asked for. Its size is the first one's.
 *
 * @throws VideoError if the first one cannot be decoded; InputError if there is none, or times do not ascend.
 */
export async function openPictureVideo(files: readonly VideoSource[], options: PictureVideoOptions): Promise<Video> {
  const { name, fps = 1, times } = options;
  if (files.length === 0) throw new InputError(`${name}: a video needs at least one picture.`);
  if (times?.some((time, i) => !(time >= 0) || (i > 0 && time < times[i - 1]!)))
    throw new InputError(`${name}: the times of its pictures must ascend from 0 on.`);
  const first = await openPicture(files[0]!, { ...options, name: `${name}, frame 1` });
  const { width, height } = first;
  const start = times?.[0] ?? 0;
  const shown = times?.map((time) => time - start);
  const span = shown?.at(-1) ?? 0;
  const averageFps = span > 0 ? (files.length - 1) / span : fps;
  const info = {
    ...{ width, height, frames: files.length, averageFps, codec: 'pictures' },
    durationSeconds: files.length / averageFps,
    ...(shown && { times: shown }),
  };
  const decoder = (await findNative()) ? 'ffmpeg' : 'ffmpeg.wasm';
  return new PictureVideo(files, first, { info, decoder, options });
}

interface Facts {
  readonly info: VideoInfo;
  readonly decoder: Video['decoder'];
  readonly options: PictureVideoOptions;
}

class PictureVideo implements Video {
  readonly name: string;
  readonly decoder: Video['decoder'];
  readonly info: VideoInfo;
  readonly warnings: readonly string[] = [];
  readonly #files: readonly VideoSource[];
  readonly #options: PictureVideoOptions;
  readonly #closing = new AbortController();
  readonly #first: Picture;

  constructor(files: readonly VideoSource[], first: Picture, { info, decoder, options }: Facts) {
    this.name = options.name;
    this.decoder = decoder;
    this.info = info;
    this.#files = files;
    this.#options = options;
    this.#first = first;
  }

  async *frames(indices: readonly number[], { signal }: FramesOptions = {}): AsyncGenerator<Frame> {
    checkIndices(indices, this.#files.length);
    const { ahead = 2 } = this.#options;
    const wanted = [...new Set(indices)];
    const coming: Promise<Picture>[] = [];
    let last: Frame | undefined;
    try {
      for (const index of indices) {
        if (index === last?.index) {
          yield last;
          continue;
        }
        while (coming.length < ahead && wanted.length > 0) coming.push(this.#decode(wanted.shift()!, signal));
        const { width, height, rgb } = await coming.shift()!;
        last = { index, width, height, rgb };
        yield last;
      }
    } finally {
      await Promise.allSettled(coming);
    }
  }

  #decode(index: number, signal: AbortSignal | undefined): Promise<Picture> {
    const signals = [this.#closing.signal, signal, this.#options.signal].filter((one) => one !== undefined);
    const options = { ...this.#options, name: `${this.name}, frame ${index + 1}`, signal: AbortSignal.any(signals) };
    const picture = index === 0 ? Promise.resolve(this.#first) : openPicture(this.#files[index]!, options);
    picture.catch(() => undefined); // awaited in its turn
    return picture;
  }

  async close(): Promise<void> {
    this.#closing.abort(new InputError(`${this.name}: the video is closed. Open it again.`));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
