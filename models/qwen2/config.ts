import type { ConfigReader } from '../config.ts';

/** What a Qwen2 decoder takes from config.json, under the names of Hugging Face's `Qwen2Config`. */
export interface Qwen2Config {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly ropeTheta: number;
  readonly rmsNormEps: number;
  readonly tieWordEmbeddings: boolean;
}

/** @throws WeightsError if a key is missing, of the wrong type, or asks for what is not built. */
export function qwen2Config(config: ConfigReader): Qwen2Config {
  config.oneOf('hidden_act', ['silu'], 'silu');
  config.oneOf('use_sliding_window', [false], false);
  if (config.raw('rope_scaling') !== undefined) throw config.wrong('rope_scaling', 'null (no other is built)');
  const hiddenSize = config.size('hidden_size');
  const heads = config.size('num_attention_heads');
  const kvHeads = config.size('num_key_value_heads', heads);
  if (heads % kvHeads !== 0) throw config.wrong('num_key_value_heads', `a divisor of ${heads}`);
  if (config.raw('head_dim') === undefined && hiddenSize % heads !== 0)
    throw config.wrong('num_attention_heads', `a divisor of hidden_size, ${hiddenSize}`);
  const headDim = config.size('head_dim', hiddenSize / heads);
  if (headDim % 2 !== 0) throw config.wrong('num_attention_heads', 'such that a head has an even size');
  return {
    hiddenSize,
    heads,
    kvHeads,
    headDim,
    intermediateSize: config.size('intermediate_size'),
    layers: config.size('num_hidden_layers'),
    vocabSize: config.size('vocab_size'),
    ropeTheta: config.positive('rope_theta', 10000),
    rmsNormEps: config.positive('rms_norm_eps', 1e-6),
    tieWordEmbeddings: config.flag('tie_word_embeddings', false),
  };
}
