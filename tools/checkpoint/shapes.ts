/** The sizes of a LLaVA-Video model, and some by name. */
import { InputError } from '../../engine/errors.ts';

/** Everything that decides which tensors a checkpoint holds and how large they are. */
export interface ModelShape {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Entries of the embedding, at least as many as the tokenizer has. */
  readonly vocabSize: number;
  /** A tied model stores no `lm_head.weight`. */
  readonly tiedEmbeddings: boolean;
  readonly visionHiddenSize: number;
  readonly visionIntermediateSize: number;
  /** Layers that are stored and run: one fewer than the tower was trained with, because its last is never used. */
  readonly visionLayers: number;
  readonly visionHeads: number;
  /** Side of a frame, in pixels. */
  readonly imageSize: number;
  /** Side of a patch, in pixels. */
  readonly patchSize: number;
}

/** SigLIP so400m/14-384, the tower of every published LLaVA-Video. */
const SO400M = {
  visionHiddenSize: 1152,
  visionIntermediateSize: 4304,
  visionLayers: 26,
  visionHeads: 16,
  imageSize: 384,
  patchSize: 14,
} as const;

/** Shapes by name. */
export const PRESETS = {
  /** The shapes of the golden pipeline, with the vocabulary of the bundled tokenizer. Under a megabyte. */
  tiny: {
    hiddenSize: 64,
    intermediateSize: 160,
    layers: 6,
    heads: 4,
    kvHeads: 2,
    vocabSize: 640,
    tiedEmbeddings: false,
    visionHiddenSize: 32,
    visionIntermediateSize: 76,
    visionLayers: 3,
    visionHeads: 2,
    imageSize: 70,
    patchSize: 14,
  },
  'llava-onevision-qwen2-0.5b': {
    hiddenSize: 896,
    intermediateSize: 4864,
    layers: 24,
    heads: 14,
    kvHeads: 2,
    vocabSize: 151936,
    tiedEmbeddings: true,
    ...SO400M,
  },
  'llava-video-7b': {
    hiddenSize: 3584,
    intermediateSize: 18944,
    layers: 28,
    heads: 28,
    kvHeads: 4,
    vocabSize: 152064,
    tiedEmbeddings: false,
    ...SO400M,
  },
  'llava-video-72b': {
    hiddenSize: 8192,
    intermediateSize: 29568,
    layers: 80,
    heads: 64,
    kvHeads: 8,
    vocabSize: 152064,
    tiedEmbeddings: false,
    ...SO400M,
  },
} as const satisfies Record<string, ModelShape>;

/** The name of a preset. */
export type PresetName = keyof typeof PRESETS;

/** Whether the tower is the published one, whose sizes follow from its name. */
export function hasPublishedTower(shape: ModelShape): boolean {
  return Object.entries(SO400M).every(([key, size]) => shape[key as keyof typeof SO400M] === size);
}

/** @throws InputError if no model can have this shape. */
export function checkShape(shape: ModelShape): void {
  for (const [key, value] of Object.entries(shape))
    if (typeof value === 'number' && !(Number.isSafeInteger(value) && value > 0))
      throw new InputError(`${key} must be a positive integer, got ${value}.`);
  const { hiddenSize, heads, kvHeads, visionHiddenSize, visionHeads, imageSize, patchSize } = shape;
  const rules: readonly (readonly [boolean, string])[] = [
    [hiddenSize % (2 * heads) === 0, `hiddenSize ${hiddenSize} must give each of ${heads} heads an even width`],
    [heads % kvHeads === 0, `heads ${heads} must be a multiple of kvHeads ${kvHeads}`],
    [visionHiddenSize % visionHeads === 0, `visionHiddenSize ${visionHiddenSize} must be a multiple of visionHeads`],
    [patchSize <= imageSize, `imageSize ${imageSize} must hold at least one patch of ${patchSize}`],
  ];
  for (const [holds, rule] of rules) if (!holds) throw new InputError(`${rule}.`);
}
