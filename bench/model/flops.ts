/** Arithmetic of a model, counted from the rows that entered each layer: a multiplication and an addition are two. */
import type { DecoderConfig } from '../../models/decoder/config.ts';
import type { LlavaEncoderConfig } from '../../models/llava-encoder.ts';
import type { LayerRows } from '../../models/stats.ts';
import { gridOf } from '../../models/tower/config.ts';

/** Of one decoder layer: `attending` rows in its attention, `leaving` in its MLP. */
export function layerFlops(config: DecoderConfig, { attending, leaving }: LayerRows): number {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim } = config;
  const projections = hiddenSize * headDim * (2 * heads + 2 * kvHeads);
  // Causal: row r meets r + 1 keys, in both products.
  const mixing = 2 * heads * headDim * ((attending * (attending + 1)) / 2);
  return 2 * (attending * projections + mixing + leaving * 3 * hiddenSize * intermediateSize);
}

/** Of a prefill with its scores of the last row. Norms, activations and the stage are not counted. */
export function prefillFlops(config: DecoderConfig, layers: readonly LayerRows[]): number {
  const head = 2 * config.hiddenSize * config.vocabSize;
  return layers.reduce((sum, rows) => sum + layerFlops(config, rows), head);
}

/** The schedule of the dense model. */
export function denseLayers(layers: number, rows: number): LayerRows[] {
  return Array.from({ length: layers }, () => ({ entering: rows, attending: rows, leaving: rows }));
}

/** How much faster the reduced prefill can be, if all that is left runs at the dense rate. */
export function ceiling(config: DecoderConfig, layers: readonly LayerRows[], denseRows: number): number {
  return prefillFlops(config, denseLayers(config.layers, denseRows)) / prefillFlops(config, layers);
}

/** Of the layers of the vision tower that run, and the projector's two linear layers. */
export function visionFlops({ tower, outSize }: Pick<LlavaEncoderConfig, 'tower' | 'outSize'>, frames: number): number {
  const { hiddenSize: dim, intermediateSize: inner, channels, patchSize, layers } = tower;
  const patches = gridOf(tower) ** 2;
  const layer = patches * (4 * dim * dim + 2 * dim * inner) + 2 * patches * patches * dim;
  const embedding = patches * channels * patchSize ** 2 * dim;
  const projector = patches * outSize * (dim + outSize);
  return 2 * frames * (embedding + layers * layer + projector);
}
