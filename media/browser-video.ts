/** Video files to frames in a browser: read by Mediabunny, decoded by WebCodecs. `video.ts` is the same for Node. */
import {
  ALL_FORMATS,
  BlobSource,
  BufferSource,
  Input,
  type InputVideoTrack,
  type Source,
  UrlSource,
  type VideoSample,
  VideoSampleSink,
} from 'mediabunny';
import { InputError } from '../engine/errors.ts';
import { plainText } from '../engine/text.ts';
import { nameOf } from './address.ts';
import { PixelReader } from './browser-pixels.ts';
import { probeTrack, stopped, type TrackProbe } from './browser-probe.ts';
import { NoDecoderError, VideoError } from './errors.ts';
import { checkIndices } from './frames.ts';
import { noFrames } from './probe-errors.ts';
import type { Frame, FramesOptions, Video, VideoInfo } from './video.ts';
import { CONTAINER_HEAD_BYTES, foreignContainer } from './video-format.ts';

/** How to open a video in a browser. */
export interface BrowserVideoOptions {
  /** What errors call the video. Default: the file's name or the address, `video` for bytes. */
  readonly name?: string;
  /** Aborts opening, and later every reading of frames. */
  readonly signal?: AbortSignal;
}

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
    const track = await videoTrack(
      input,
      name,
      held === undefined ? undefined : await headOf(source as Blob | Uint8Array),
    );
    const probe = await probeTrack(track, (await input.getFormat()).name, name);
    signal?.throwIfAborted();
    return new WebVideo(name, { input, track, probe, signal });
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

async function headOf(source: Blob | Uint8Array): Promise<Uint8Array> {
  const head = source.slice(0, CONTAINER_HEAD_BYTES);
  return head instanceof Blob ? new Uint8Array(await head.arrayBuffer()) : head;
}

/** @param head - Its first bytes if they are at hand, so that a failure to read is theirs and not the network's. */
async function videoTrack(input: Input, name: string, head: Uint8Array | undefined): Promise<InputVideoTrack> {
  const readable = await input.canRead().catch((error) => {
    if (head) return false;
    throw error;
  });
  const container = !readable && head && foreignContainer(head);
  if (container)
    throw new NoDecoderError(
      name,
      `${container}, which browsers do not read. Convert it to MP4, or ask about it in Node.`,
    );
  if (!readable) throw new VideoError(name, 'not a video. A video file is needed: MP4, MOV, MKV or WebM.');
  const track = await defaultTrack(await input.getVideoTracks());
  if (!track) throw new VideoError(name, 'no video stream. A file with at least one video stream is needed.');
  if (await track.canDecode()) return track;
  const codec = await track.getCodec();
  throw new NoDecoderError(
    name,
    `this browser has no decoder for ${codec ?? 'its codec'}. Convert the video to H.264.`,
  );
}

/** The track that FFmpeg takes: the default one, which counts as five megapixels more, or the largest. */
async function defaultTrack(tracks: readonly InputVideoTrack[]): Promise<InputVideoTrack | undefined> {
  let best: { readonly track: InputVideoTrack; readonly rank: number } | undefined;
  for (const track of tracks) {
    const pixels = (await track.getCodedWidth()) * (await track.getCodedHeight());
    const rank = pixels + (track.disposition.default ? 5e6 : 0);
    if (!best || rank > best.rank) best = { track, rank };
  }
  return best?.track;
}

interface Opened {
  readonly input: Input;
  readonly track: InputVideoTrack;
  readonly probe: TrackProbe;
  readonly signal: AbortSignal | undefined;
}

class WebVideo implements Video {
  readonly name: string;
  readonly decoder = 'webcodecs';
  readonly #opened: Opened;
  readonly #warnings: Map<string, string>;
  #info: VideoInfo;
  #closed = false;

  constructor(name: string, opened: Opened) {
    this.name = name;
    this.#opened = opened;
    this.#info = opened.probe.info;
    this.#warnings = new Map(opened.probe.warnings);
  }

  get info(): VideoInfo {
    return this.#info;
  }

  get warnings(): readonly string[] {
    return [...this.#warnings.values()].map((text) => plainText(`${this.name}: ${text}`));
  }

  frames(indices: readonly number[], { signal }: FramesOptions = {}): AsyncIterable<Frame> {
    checkIndices(indices, this.#opened.probe.info.frames);
    return this.#decode([...indices], signal);
  }

  async *#decode(indices: readonly number[], signal: AbortSignal | undefined): AsyncGenerator<Frame> {
    const { track, probe } = this.#opened;
    const { width, height } = probe.info;
    const wanted = [...new Set(indices)];
    const pixels = new PixelReader({ width, height }, probe.untagged);
    const samples = probe.seekTimes ? sought(track, wanted, probe.seekTimes) : inOrder(track, wanted);
    let taken = 0;
    let last: Uint8Array | undefined;
    for (const index of wanted) {
      this.#check(signal);
      const sample = await this.#next(samples, index);
      this.#check(signal);
      if (sample.frame) last = await pixels.read(sample.frame);
      if (!sample.frame || sample.frames !== undefined) this.#missing(index, sample.frames);
      if (!last) throw noFrames(this.name);
      for (; indices[taken] === index; taken++) yield { index, width, height, rgb: last };
    }
    await samples.return({});
  }

  async #next(samples: AsyncGenerator<Found, Found>, index: number): Promise<Found> {
    try {
      return (await samples.next()).value;
    } catch (cause) {
      this.#check(undefined);
      throw stopped(this.name, index, cause);
    }
  }

  /** @param frames - How many there are, if that is known now. */
  #missing(index: number, frames: number | undefined): void {
    if (frames !== undefined && frames < this.#info.frames) {
      const promised = this.#info.frames;
      this.#info = this.#opened.probe.recount(frames);
      this.#warnings.set('missing', `only ${frames} of ${promised} frames decode. Is the file damaged?`);
    }
    this.#warnings.set('stand-in', `frame ${index} does not decode: the last one before it stands in for it.`);
  }

  #check(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    this.#opened.signal?.throwIfAborted();
    if (this.#closed) throw new InputError(`${this.name}: the video is closed. Open it again.`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#opened.input.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A frame; where it is missing, the one that stands in for it, unless it came before, and how many there are, if known. */
interface Found {
  readonly frame?: VideoSample | undefined;
  readonly frames?: number;
}

/** Frames by the times at which they are shown: decodes from the key frame before each. */
async function* sought(
  track: InputVideoTrack,
  wanted: readonly number[],
  times: readonly number[],
): AsyncGenerator<Found, Found> {
  const samples = new VideoSampleSink(track).samplesAtTimestamps(wanted.map((index) => times[index]!));
  for await (const sample of samples) yield { frame: sample ?? undefined };
  return {};
}

/** Frames by their place among all, which are decoded from the first on. The last one stands in for what is missing. */
async function* inOrder(track: InputVideoTrack, wanted: readonly number[]): AsyncGenerator<Found, Found> {
  let index = 0;
  let next = 0;
  let last: VideoSample | undefined;
  try {
    for await (const sample of new VideoSampleSink(track).samples()) {
      last?.close();
      last = undefined;
      if (sample.timestamp < 0) sample.close();
      else if (index++ !== wanted[next]) last = sample;
      else {
        yield { frame: sample };
        if (++next === wanted.length) break;
      }
    }
    for (; next < wanted.length; next++) {
      const frame = last;
      last = undefined;
      yield { frame, frames: index };
    }
  } finally {
    last?.close();
  }
  return {};
}
