import type { HeadOrder } from '../../kernels/rope.ts';
import type { ConfigReader } from '../config.ts';
import { type RopeConfig, type RopeScaling, ropeConfig } from './rope.ts';

/** Sizes and switches of a decoder: what Qwen2, LLaMA and InternLM2 differ in, apart from their tensors' names. */
export interface DecoderConfig extends RopeConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly rmsNormEps: number;
  readonly tieWordEmbeddings: boolean;
  /** Whether query, key and value have biases. */
  readonly qkvBias: boolean;
  /** How the rows of the fused query, key and value follow one another. */
  readonly headOrder: HeadOrder;
}

/**
 * The decoder's part of a config, under `text_config`.
 *
 * @param defaults - What stands behind keys that it lacks. Whether the head is the embedding, some files say beside it.
 */
export function textConfig(config: ConfigReader, defaults: Readonly<Record<string, unknown>> = {}): ConfigReader {
  const tied = config.raw('tie_word_embeddings');
  return config.part('text_config', { ...defaults, ...(tied !== undefined && { tie_word_embeddings: tied }) });
}

/** Qwen2 (Hugging Face `Qwen2Config`). @throws WeightsError if a key is missing, wrong, or asks for what is not built. */
export function qwen2Config(config: ConfigReader): DecoderConfig {
  refuseWindows(config);
  return decoderConfig(config, { qkvBias: true, headOrder: 'split' });
}

/**
 * Qwen3 (Hugging Face `Qwen3Config`), whose heads have a size of their own and norms (`qwen3Names`).
 *
 * @throws WeightsError as `qwen2Config`.
 */
export function qwen3Config(config: ConfigReader): DecoderConfig {
  refuseWindows(config);
  config.oneOf('attention_bias', [false], false);
  return decoderConfig(config, { qkvBias: false, headOrder: 'split', ownHeadDim: 128 });
}

/** Qwen2-VL's (Hugging Face `Qwen2VLConfig`): Qwen2 with positions on three axes. @throws WeightsError as `qwen2Config`. */
export function qwen2VlConfig(config: ConfigReader): DecoderConfig {
  refuseWindows(config);
  return decoderConfig(config, { qkvBias: true, headOrder: 'split', scalings: ['mrope'] });
}

/**
 * Qwen3-VL's (Hugging Face `Qwen3VLTextConfig`): Qwen3 with positions on three axes, whose frequencies are interleaved.
 *
 * @throws WeightsError as `qwen2Config`.
 */
export function qwen3VlConfig(config: ConfigReader): DecoderConfig {
  refuseWindows(config);
  config.oneOf('attention_bias', [false], false);
  const kind = { qkvBias: false, headOrder: 'split', ownHeadDim: 128 } as const;
  return decoderConfig(config, { ...kind, scalings: ['mrope'], isInterleaved: true });
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
  return decoderConfig(config, { qkvBias: false, headOrder: 'split', scalings: ['linear', 'dynamic'] });
}

/** InternLM2 (`configuration_internlm2.py`). @throws WeightsError as `qwen2Config`. */
export function internLm2Config(config: ConfigReader): DecoderConfig {
  config.oneOf('bias', [false], false);
  return decoderConfig(config, { qkvBias: false, headOrder: 'grouped' });
}

/** Attention to the last positions alone is not built; what its window would be does not matter then. */
function refuseWindows(config: ConfigReader): void {
  config.oneOf('use_sliding_window', [false], false);
  config.ignore('sliding_window', 'max_window_layers');
}

/** What a kind of decoder has whatever its config says. */
interface Kind extends Pick<DecoderConfig, 'qkvBias' | 'headOrder'> {
  /** Scalings of positions that it can have; default `dynamic`. */
  readonly scalings?: readonly RopeScaling[];
  /** Size of a head where no key says it, for classes whose heads need not make up the hidden size. */
  readonly ownHeadDim?: number;
  /** Whether the frequencies of three axes are interleaved where no key says it. */
  readonly isInterleaved?: boolean;
}

/** What all have, under the names of Hugging Face. */
function decoderConfig(config: ConfigReader, of: Kind): DecoderConfig {
  const { scalings = ['dynamic'], ownHeadDim, isInterleaved = false, ...kind } = of;
  config.oneOf('hidden_act', ['silu'], 'silu');
  const hiddenSize = config.size('hidden_size');
  const heads = config.size('num_attention_heads');
  const kvHeads = config.size('num_key_value_heads', heads);
  if (heads % kvHeads !== 0) throw config.wrong('num_key_value_heads', `a divisor of ${heads}`);
  if (config.raw('head_dim') === undefined && ownHeadDim === undefined && hiddenSize % heads !== 0)
    throw config.wrong('num_attention_heads', `a divisor of hidden_size, ${hiddenSize}`);
  const headDim = config.size('head_dim', ownHeadDim ?? hiddenSize / heads);
  if (headDim % 2 !== 0) throw config.wrong('num_attention_heads', 'such that a head has an even size');
  const decoder = {
    hiddenSize,
    heads,
    kvHeads,
    headDim,
    intermediateSize: config.size('intermediate_size'),
    layers: config.size('num_hidden_layers'),
    vocabSize: config.size('vocab_size'),
    ...ropeConfig(config, { scalings, headDim, isInterleaved }),
    rmsNormEps: config.positive('rms_norm_eps', 1e-6),
    tieWordEmbeddings: config.flag('tie_word_embeddings', false),
    ...kind,
  };
  config.refuseUnread();
  return decoder;
}
