/** What a decoder's tensors are called in a checkpoint, without `.weight` and `.bias`. */
export interface DecoderNames {
  readonly embedding: string;
  /** Of the layers, which are `<layers>.0`, `<layers>.1`, ... */
  readonly layers: string;
  readonly norm: string;
  /** Absent from checkpoints whose head is the embedding. */
  readonly head: string;
  /** The rest are below a layer. Several are put one below the other, which fuses them. */
  readonly inputNorm: string;
  readonly qkv: readonly string[];
  /** Norms of every query head and every key head, where there are any. */
  readonly qkNorm?: readonly [query: string, key: string];
  readonly o: string;
  readonly postNorm: string;
  readonly gateUp: readonly [gate: string, up: string];
  readonly down: string;
}

/** LLaMA's names, which Qwen2 has too. @param prefix - With its dot: `language_model.`. */
export function llamaNames(prefix = ''): DecoderNames {
  return {
    embedding: `${prefix}model.embed_tokens`,
    layers: `${prefix}model.layers`,
    norm: `${prefix}model.norm`,
    head: `${prefix}lm_head`,
    inputNorm: 'input_layernorm',
    qkv: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
    o: 'self_attn.o_proj',
    postNorm: 'post_attention_layernorm',
    gateUp: ['mlp.gate_proj', 'mlp.up_proj'],
    down: 'mlp.down_proj',
  };
}

/** Qwen3's are LLaMA's, and the norms of its heads. @param prefix - As of `llamaNames`. */
export function qwen3Names(prefix = ''): DecoderNames {
  return { ...llamaNames(prefix), qkNorm: ['self_attn.q_norm', 'self_attn.k_norm'] };
}

/** InternLM2's names; its query, key and value are stored as one. */
export function internLm2Names(prefix = ''): DecoderNames {
  return {
    embedding: `${prefix}model.tok_embeddings`,
    layers: `${prefix}model.layers`,
    norm: `${prefix}model.norm`,
    head: `${prefix}output`,
    inputNorm: 'attention_norm',
    qkv: ['attention.wqkv'],
    o: 'attention.wo',
    postNorm: 'ffn_norm',
    gateUp: ['feed_forward.w1', 'feed_forward.w3'],
    down: 'feed_forward.w2',
  };
}
