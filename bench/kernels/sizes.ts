/** The sizes that kernels are timed at: those of real models, or cut down for adapters that compute on the processor. */
import { PRESETS } from '../../tools/checkpoint/shapes.ts';

/** Everything that a kernel's work hangs on. */
export interface Sizes {
  readonly name: string;
  readonly hidden: number;
  readonly inner: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
  /** Rows in prefill, and keys in decoding. */
  readonly rows: number;
  readonly keys: number;
  /** Of the vision tower. */
  readonly vision: { readonly hidden: number; readonly inner: number; readonly heads: number };
  readonly image: number;
  readonly patch: number;
  readonly frames: number;
  /** The video that the stage reduces: tokens of a frame, and how many frames. */
  readonly perFrame: number;
  readonly videoFrames: number;
}

/** Names of sizes, and the checkpoints that have them. */
const presets = { '0.5b': 'llava-onevision-qwen2-0.5b', '7b': 'llava-video-7b' } as const;

export type SizeName = keyof typeof presets;
export const sizeNames = Object.keys(presets) as SizeName[];

/** @param quick - Few rows, and an eighth of the widest sizes: the same kernels, a hundredth of the work. */
export function sizesOf(name: SizeName, quick: boolean): Sizes {
  const shape = PRESETS[presets[name]];
  const cut = (size: number): number => (quick ? Math.ceil(size / 8) : size);
  return {
    name,
    hidden: shape.hiddenSize,
    inner: cut(shape.intermediateSize),
    heads: shape.heads,
    kvHeads: shape.kvHeads,
    headDim: shape.hiddenSize / shape.heads,
    vocabulary: cut(shape.vocabSize),
    rows: quick ? 64 : 1024,
    keys: quick ? 256 : 3360,
    vision: { hidden: shape.visionHiddenSize, inner: cut(shape.visionIntermediateSize), heads: shape.visionHeads },
    image: quick ? 112 : shape.imageSize,
    patch: shape.patchSize,
    frames: quick ? 1 : 4,
    perFrame: quick ? 16 : 210,
    videoFrames: quick ? 8 : 16,
  };
}
