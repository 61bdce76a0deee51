/** Decoded samples of a browser to bytes. Types of what draws come with lib.dom, which Node programs do not load. */
import { VideoSample } from 'mediabunny';
import type { Size } from '../engine/geometry.ts';
import { withoutAlpha } from './rgb.ts';

/** The part of a canvas that is used. */
type CanvasContext = Parameters<VideoSample['draw']>[0] & {
  getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
};
declare const OffscreenCanvas: new (
  width: number,
  height: number,
) => { getContext(kind: '2d', options: { willReadFrequently: boolean }): CanvasContext };

/** What FFmpeg takes a video for that does not say what its colours mean; browsers take it for BT.709. */
const UNTAGGED = { primaries: 'smpte170m', transfer: 'smpte170m', matrix: 'smpte170m' } as const;

/** Turns decoded samples into bytes. */
export class PixelReader {
  readonly #size: Size;
  readonly #untagged: boolean;
  readonly #context: CanvasContext;

  /**
   * @param size - Of the bytes.
   * @param untagged - Whether the video does not say what its colours mean.
   */
  constructor(size: Size, untagged: boolean) {
    this.#size = size;
    this.#untagged = untagged;
    this.#context = new OffscreenCanvas(size.width, size.height).getContext('2d', { willReadFrequently: true });
  }

  /** `[height, width, 3]`; turned as it is shown. The sample is given back. */
  async read(sample: VideoSample): Promise<Uint8Array> {
    const { width, height } = this.#size;
    const shown = this.#untagged ? await meant(sample) : sample;
    shown.draw(this.#context, 0, 0, width, height);
    shown.close();
    return withoutAlpha(this.#context.getImageData(0, 0, width, height).data);
  }
}

/** The same sample with the colours that FFmpeg gives it. */
async function meant(sample: VideoSample): Promise<VideoSample> {
  const { format, visibleRect, rotation, flip, timestamp, duration, colorSpace } = sample;
  if (!format || /^(RGB|BGR)/.test(format)) return sample;
  const { width: codedWidth, height: codedHeight } = visibleRect;
  const data = new Uint8Array(sample.allocationSize());
  const layout = await sample.copyTo(data);
  sample.close();
  const fullRange = colorSpace.fullRange ?? false;
  const told = { format, codedWidth, codedHeight, layout, rotation, flip, timestamp, duration };
  return new VideoSample(data, { ...told, colorSpace: { ...UNTAGGED, fullRange } });
}
