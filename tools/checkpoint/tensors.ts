/**
 * The tensors of a LLaVA-Video checkpoint and the distribution that random ones are drawn from: every linear keeps
 * the variance of its input, and what is added to a residual stream is scaled down by the root of the number of
 * additions (Radford et al. 2019), so that a forward pass stays finite at any depth, in f16 too.
 */
import type { ModelShape } from './shapes.ts';

/** One tensor to draw: each element is normal with this mean and standard deviation. */
export interface TensorPlan {
  readonly name: string;
  readonly shape: readonly number[];
  readonly mean: number;
  readonly std: number;
}

const TOWER = 'model.vision_tower.vision_tower.vision_model';

/** Every tensor of a model, named and ordered as the published checkpoints are. */
export function planTensors(shape: ModelShape): TensorPlan[] {
  const { hiddenSize, vocabSize, visionHiddenSize } = shape;
  return [
    normal('model.image_newline', [hiddenSize], hiddenSize ** -0.5),
    // With this width the logits of a tied head have unit variance.
    normal('model.embed_tokens.weight', [vocabSize, hiddenSize], hiddenSize ** -0.5),
    ...repeat(shape.layers, (i) => decoderLayer(`model.layers.${i}`, shape)),
    gain('model.norm', hiddenSize),
    ...embeddings(shape),
    ...repeat(shape.visionLayers, (i) => towerLayer(`${TOWER}.encoder.layers.${i}`, shape)),
    // Stored in every published checkpoint, read by none of its models.
    ...layerNorm(`${TOWER}.post_layernorm`, visionHiddenSize),
    ...linear('model.mm_projector.0', hiddenSize, visionHiddenSize),
    ...linear('model.mm_projector.2', hiddenSize, hiddenSize),
    ...(shape.tiedEmbeddings ? [] : [matrix('lm_head', vocabSize, hiddenSize)]),
  ];
}

function decoderLayer(at: string, shape: ModelShape): TensorPlan[] {
  const { hiddenSize, intermediateSize } = shape;
  const kvSize = (hiddenSize / shape.heads) * shape.kvHeads;
  const branch = (2 * shape.layers) ** -0.5;
  return [
    ...linear(`${at}.self_attn.q_proj`, hiddenSize, hiddenSize),
    ...linear(`${at}.self_attn.k_proj`, kvSize, hiddenSize),
    ...linear(`${at}.self_attn.v_proj`, kvSize, hiddenSize),
    matrix(`${at}.self_attn.o_proj`, hiddenSize, hiddenSize, branch),
    matrix(`${at}.mlp.gate_proj`, intermediateSize, hiddenSize),
    matrix(`${at}.mlp.up_proj`, intermediateSize, hiddenSize),
    matrix(`${at}.mlp.down_proj`, hiddenSize, intermediateSize, branch),
    gain(`${at}.input_layernorm`, hiddenSize),
    gain(`${at}.post_attention_layernorm`, hiddenSize),
  ];
}

function embeddings({ visionHiddenSize, imageSize, patchSize }: ModelShape): TensorPlan[] {
  const patches = Math.floor(imageSize / patchSize) ** 2;
  const pixels = 3 * patchSize ** 2;
  return [
    normal(`${TOWER}.embeddings.patch_embedding.weight`, [visionHiddenSize, 3, patchSize, patchSize], pixels ** -0.5),
    bias(`${TOWER}.embeddings.patch_embedding`, visionHiddenSize),
    normal(`${TOWER}.embeddings.position_embedding.weight`, [patches, visionHiddenSize], 0.1),
  ];
}

function towerLayer(at: string, shape: ModelShape): TensorPlan[] {
  const { visionHiddenSize: width, visionIntermediateSize: inner } = shape;
  const branch = (2 * shape.visionLayers) ** -0.5;
  return [
    ...linear(`${at}.self_attn.k_proj`, width, width),
    ...linear(`${at}.self_attn.v_proj`, width, width),
    ...linear(`${at}.self_attn.q_proj`, width, width),
    ...linear(`${at}.self_attn.out_proj`, width, width, branch),
    ...layerNorm(`${at}.layer_norm1`, width),
    ...linear(`${at}.mlp.fc1`, inner, width),
    ...linear(`${at}.mlp.fc2`, width, inner, branch),
    ...layerNorm(`${at}.layer_norm2`, width),
  ];
}

function linear(at: string, outputs: number, inputs: number, scale = 1): TensorPlan[] {
  return [matrix(at, outputs, inputs, scale), bias(at, outputs)];
}

function layerNorm(at: string, size: number): TensorPlan[] {
  return [gain(at, size), bias(at, size)];
}

function matrix(at: string, outputs: number, inputs: number, scale = 1): TensorPlan {
  return normal(`${at}.weight`, [outputs, inputs], scale * inputs ** -0.5);
}

function bias(at: string, size: number): TensorPlan {
  return normal(`${at}.bias`, [size], 0.02);
}

function gain(at: string, size: number): TensorPlan {
  return { name: `${at}.weight`, shape: [size], mean: 1, std: 0.02 };
}

function normal(name: string, shape: readonly number[], std: number): TensorPlan {
  return { name, shape, mean: 0, std };
}

function repeat(count: number, layer: (i: number) => TensorPlan[]): TensorPlan[] {
  return Array.from({ length: count }, (_, i) => layer(i)).flat();
}
