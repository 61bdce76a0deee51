/** Video files to frames in a browser: read by Mediabunny, decoded by WebCodecs. `video.ts` is the same for Node. */
import {
  ALL_FORMATS,
  BlobSource,
  BufferSource,
  EncodedPacketSink,
  Input,
  type InputVideoTrack,
  type Source,
  UrlSource,
  type VideoSample,
  VideoSampleSink,
} from 'mediabunny';
import { nameOf } from './address.ts';
import { VideoError } from './errors.ts';
import { checkIndices } from './frames.ts';
import { noFrames } from './probe-errors.ts';
import type { Frame, Video, VideoInfo } from './video.ts';

/** How to open a video in a browser. */
export interface BrowserVideoOptions {
  /** What errors call the video. Default: the file's name or the address, `video` for bytes. */
  readonly name?: string;
  /** Aborts opening, and later every reading of frames. */
  readonly signal?: AbortSignal;
}

/** FFmpeg's names, which reports have, for codecs that Mediabunny calls otherwise. */
const codecNames: Readonly<Record<string, string>> = { avc: 'h264' };

/** See browser.ts. */
export async function openVideo(
  source: Blob | Uint8Array | URL | string,
  options: BrowserVideoOptions = {},
): Promise<Video> {
  const { name = nameOf(source), signal } = options;
  signal?.throwIfAborted();
  const held = source instanceof Blob ? source.size : source instanceof Uint8Array ? source.length : undefined;
  if (held === 0) throw new VideoError(name, 'no data (0 bytes). A video is needed.');
  const input = new Input({ source: sourceOf(source), formats: ALL_FORMATS });
  try {
    const track = await videoTrack(input, name, held !== undefined);
    const { info, times } = await probe(track, name);
    signal?.throwIfAborted();
    return new WebVideo(name, info, { input, track, times, signal });
  } catch (error) {
    input.dispose();
    signal?.throwIfAborted();
    if (error instanceof VideoError) throw error;
    throw new VideoError(name, `cannot be read (${(error as Error).message}). A video file is needed.`, {
      cause: error,
    });
  }
}

function sourceOf(source: Blob | Uint8Array | URL | string): Source {
  if (source instanceof Blob) return new BlobSource(source);
  return source instanceof Uint8Array ? new BufferSource(source) : new UrlSource(source);
}

/** @param held - Whether its bytes are at hand, so that a failure to read is theirs and not the network's. */
async function videoTrack(input: Input, name: string, held: boolean): Promise<InputVideoTrack> {
  const readable = await input.canRead().catch((error) => {
    if (held) return false;
    throw error;
  });
  if (!readable) throw new VideoError(name, 'not a video. A video file is needed: MP4, MOV, MKV or WebM.');
  const track = await input.getPrimaryVideoTrack();
  if (!track) throw new VideoError(name, 'no video stream. A file with at least one video stream is needed.');
  if (await track.canDecode()) return track;
  const codec = await track.getCodec();
  throw new VideoError(name, `this browser has no decoder for ${codec ?? 'its codec'}. Convert the video to H.264.`);
}

/** What the file says, and when each frame is shown, in seconds, ascending. */
async function probe(track: InputVideoTrack, name: string): Promise<{ info: VideoInfo; times: readonly number[] }> {
  const shown: { time: number; end: number }[] = [];
  const packets = new EncodedPacketSink(track).packets(undefined, undefined, { metadataOnly: true });
  // What an edit list hides is shown before 0.
  for await (const { timestamp, duration } of packets)
    if (timestamp >= 0) shown.push({ time: timestamp, end: timestamp + duration });
  if (shown.length === 0) throw noFrames(name);
  const times = shown.map(({ time }) => time).sort((a, b) => a - b);
  const durationSeconds = shown.reduce((last, { end }) => Math.max(last, end), 0) - times[0]!;
  const [width, height] = [await track.getCodedWidth(), await track.getCodedHeight()];
  const turned = (await track.getRotation()) % 180 !== 0;
  const codec = (await track.getCodec()) ?? 'unknown';
  return {
    info: {
      ...(turned ? { width: height, height: width } : { width, height }),
      frames: times.length,
      averageFps: durationSeconds > 0 ? times.length / durationSeconds : 25,
      durationSeconds,
      codec: codecNames[codec] ?? codec,
    },
    times,
  };
}

interface Opened {
  readonly input: Input;
  readonly track: InputVideoTrack;
  readonly times: readonly number[];
  readonly signal: AbortSignal | undefined;
}

class WebVideo implements Video {
  readonly name: string;
  readonly decoder = 'webcodecs';
  readonly info: VideoInfo;
  readonly warnings: string[] = [];
  readonly #opened: Opened;
  #closed = false;

  constructor(name: string, info: VideoInfo, opened: Opened) {
    this.name = name;
    this.info = info;
    this.#opened = opened;
  }

  frames(indices: readonly number[]): AsyncIterable<Frame> {
    checkIndices(indices, this.info.frames);
    return this.#decode([...indices]);
  }

  async *#decode(indices: readonly number[]): AsyncGenerator<Frame> {
    const { track, times } = this.#opened;
    const { width, height } = this.info;
    const wanted = [...new Set(indices)];
    const pixels = new PixelReader(width, height);
    const samples = new VideoSampleSink(track).samplesAtTimestamps(wanted.map((index) => times[index]!));
    let taken = 0;
    let last: Uint8Array | undefined;
    for (const index of wanted) {
      this.#check();
      const { value: sample } = await samples.next();
      this.#check();
      if (sample) last = pixels.read(sample);
      else this.#warn(`${this.name}: frame ${index} does not decode; the one before stands in for it.`);
      if (!last) throw noFrames(this.name);
      for (; indices[taken] === index; taken++) yield { index, width, height, rgb: last };
    }
  }

  #check(): void {
    this.#opened.signal?.throwIfAborted();
    if (this.#closed) throw new VideoError(this.name, 'the video is closed.');
  }

  #warn(text: string): void {
    if (!this.warnings.includes(text)) this.warnings.push(text);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#opened.input.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The part of a canvas that is used. Its types come with lib.dom, which Node programs do not load. */
type CanvasContext = Parameters<VideoSample['draw']>[0] & {
  getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
};
declare const OffscreenCanvas: new (
  width: number,
  height: number,
) => { getContext(kind: '2d', options: { willReadFrequently: boolean }): CanvasContext };

/** Turns decoded samples into bytes. */
class PixelReader {
  readonly #width: number;
  readonly #height: number;
  readonly #context: CanvasContext;

  constructor(width: number, height: number) {
    this.#width = width;
    this.#height = height;
    this.#context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  }

  /** `[height, width, 3]`; turned as it is shown. The sample is given back. */
  read(sample: VideoSample): Uint8Array {
    sample.draw(this.#context, 0, 0, this.#width, this.#height);
    sample.close();
    const { data } = this.#context.getImageData(0, 0, this.#width, this.#height);
    const rgb = new Uint8Array(this.#width * this.#height * 3);
    for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
      rgb[to] = data[from]!;
      rgb[to + 1] = data[from + 1]!;
      rgb[to + 2] = data[from + 2]!;
    }
    return rgb;
  }
}
