import type { HeadOrder } from '../../kernels/rope.ts';
import type { ConfigReader } from '../config.ts';

/** Sizes and switches of a decoder: what Qwen2, LLaMA and InternLM2 differ in, apart from their tensors' names. */
export interface DecoderConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly ropeTheta: number;
  /** Frequencies are divided by it (linear scaling); 1 for none. */
  readonly ropeFactor: number;
  /** How many frequencies of a head turn by time, by height and by width (M-RoPE); undefined: all by one position. */
  readonly ropeSections?: readonly [time: number, height: number, width: number];
  /** Positions from which on the frequencies would change (dynamic scaling), which is not built. */
  readonly maxPositions: number;
  readonly rmsNormEps: number;
  readonly tieWordEmbeddings: boolean;
  /** Whether query, key and value have biases. */
  readonly qkvBias: boolean;
  /** How the rows of the fused query, key and value follow one another. */
  readonly headOrder: HeadOrder;
}

/** Qwen2 (Hugging Face `Qwen2Config`). @throws WeightsError if a key is missing, wrong, or asks for what is not built. */
export function qwen2Config(config: ConfigReader): DecoderConfig {
  config.oneOf('use_sliding_window', [false], false);
  return { ...sizes(config), ...unscaled(config), qkvBias: true, headOrder: 'split' };
}

/**
 * Qwen3 (Hugging Face `Qwen3Config`), whose heads have a size of their own and norms (`qwen3Names`).
 *
 * @throws WeightsError as `qwen2Config`.
 */
export function qwen3Config(config: ConfigReader): DecoderConfig {
  config.oneOf('use_sliding_window', [false], false);
  config.oneOf('attention_bias', [false], false);
  return { ...sizes(config, 128), ...unscaled(config), qkvBias: false, headOrder: 'split' };
}

/** Qwen2-VL's (Hugging Face `Qwen2VLConfig`): Qwen2 with positions on three axes. @throws WeightsError as `qwen2Config`. */
export function qwen2VlConfig(config: ConfigReader): DecoderConfig {
  config.oneOf('use_sliding_window', [false], false);
  const scaling = config.part('rope_scaling');
  // `type` says mrope in the published files; transformers from 4.46 on writes `rope_type: default` beside or instead.
  for (const key of ['type', 'rope_type']) scaling.oneOf(key, ['mrope', 'default'], 'mrope');
  const base = { ...sizes(config), ...UNSCALED, qkvBias: true, headOrder: 'split' } as const;
  const sections = scaling.numbers('mrope_section');
  const [time = 0, height = 0, width = 0] = sections;
  if (sections.length !== 3 || !sections.every((n) => n > 0) || time + height + width !== base.headDim / 2)
    throw scaling.wrong('mrope_section', `three numbers that make ${base.headDim / 2}, half of a head`);
  return { ...base, ropeSections: [time, height, width] };
}

/** What `LlamaConfig` has where a file leaves a key out: LLaMA-7B's sizes. */
export const LLAMA_DEFAULTS = {
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  vocab_size: 32000,
  rms_norm_eps: 1e-6,
} as const;

/** LLaMA (Hugging Face `LlamaConfig`), with linear scaling of positions. @throws WeightsError as `qwen2Config`. */
export function llamaConfig(config: ConfigReader): DecoderConfig {
  config.oneOf('attention_bias', [false], false);
  config.oneOf('mlp_bias', [false], false);
  const scaling = scalingOf(config, 'linear');
  return { ...sizes(config), ...UNSCALED, ropeFactor: scaling ?? 1, qkvBias: false, headOrder: 'split' };
}

/** InternLM2 (`configuration_internlm2.py`). @throws WeightsError as `qwen2Config`. */
export function internLm2Config(config: ConfigReader): DecoderConfig {
  config.oneOf('bias', [false], false);
  return { ...sizes(config), ...unscaled(config), qkvBias: false, headOrder: 'grouped' };
}

const UNSCALED = { ropeFactor: 1, maxPositions: Number.POSITIVE_INFINITY } as const;

/** Dynamic scaling leaves the frequencies alone up to the length that the model was trained with. */
function unscaled(config: ConfigReader): Pick<DecoderConfig, 'ropeFactor' | 'maxPositions'> {
  if (scalingOf(config, 'dynamic') === undefined) return UNSCALED;
  return { ...UNSCALED, maxPositions: config.size('max_position_embeddings') };
}

/**
 * What all have, under the names of Hugging Face.
 *
 * @param ownHeadDim - Size of a head where no key says it, for classes whose heads need not make up the hidden size.
 */
function sizes(
  config: ConfigReader,
  ownHeadDim?: number,
): Omit<DecoderConfig, 'ropeFactor' | 'maxPositions' | 'qkvBias' | 'headOrder'> {
  config.oneOf('hidden_act', ['silu'], 'silu');
  const hiddenSize = config.size('hidden_size');
  const heads = config.size('num_attention_heads');
  const kvHeads = config.size('num_key_value_heads', heads);
  if (heads % kvHeads !== 0) throw config.wrong('num_key_value_heads', `a divisor of ${heads}`);
  if (config.raw('head_dim') === undefined && ownHeadDim === undefined && hiddenSize % heads !== 0)
    throw config.wrong('num_attention_heads', `a divisor of hidden_size, ${hiddenSize}`);
  const headDim = config.size('head_dim', ownHeadDim ?? hiddenSize / heads);
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

/** The factor of `rope_scaling`, if it has the one kind that is built; its key is `type`, later `rope_type`. */
function scalingOf(config: ConfigReader, kind: string): number | undefined {
  if (config.raw('rope_scaling') === undefined) return undefined;
  const scaling = config.part('rope_scaling');
  scaling.oneOf(scaling.raw('rope_type') === undefined ? 'type' : 'rope_type', [kind]);
  return scaling.positive('factor');
}
