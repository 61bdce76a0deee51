/** What a tower's tensors are called in a checkpoint, and, by having a name, which of its parts there are. */
export interface TowerNames {
  /** The convolution that makes patches, without `.weight`. */
  readonly patches: string;
  readonly patchBias: boolean;
  /** The table of positions, whole; its first row is the class token's. Towers that rotate have none. */
  readonly positions?: string;
  /** A learned token before the patches, which attends with them and is dropped at the end. */
  readonly classToken?: string;
  /** A norm of the embeddings. */
  readonly preNorm?: string;
  /** Of the layers, which are `<layers>.0`, `<layers>.1`, ... */
  readonly layers: string;
  /** The rest are below a layer. Several are put one below the other, which fuses them. */
  readonly norm1: string;
  readonly qkv: readonly string[];
  readonly out: string;
  readonly norm2: string;
  /** One layer, or gate and up. */
  readonly fc1: readonly string[];
  readonly fc2: string;
  /** Gains of what attention and what the MLP add to the residual stream. */
  readonly scales?: readonly [string, string];
  /** A norm of the features, whole. */
  readonly finalNorm?: string;
}

/** SigLIP's. @param prefix - As `model.vision_tower.vision_tower.vision_model`. */
export function siglipNames(prefix: string): TowerNames {
  return {
    patches: `${prefix}.embeddings.patch_embedding`,
    patchBias: true,
    positions: `${prefix}.embeddings.position_embedding.weight`,
    layers: `${prefix}.encoder.layers`,
    norm1: 'layer_norm1',
    qkv: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
    out: 'self_attn.out_proj',
    norm2: 'layer_norm2',
    fc1: ['mlp.fc1'],
    fc2: 'mlp.fc2',
  };
}

/** CLIP's are SigLIP's, and more; `layrnorm` is how it is spelt. */
export function clipNames(prefix: string): TowerNames {
  return {
    ...siglipNames(prefix),
    patchBias: false,
    classToken: `${prefix}.embeddings.class_embedding`,
    preNorm: `${prefix}.pre_layrnorm`,
  };
}

/** InternViT's, whose layers have gains. @param prefix - As of `siglipNames`. */
export function internVitNames(prefix: string): TowerNames {
  return {
    patches: `${prefix}.embeddings.patch_embedding`,
    patchBias: true,
    positions: `${prefix}.embeddings.position_embedding`,
    classToken: `${prefix}.embeddings.class_embedding`,
    layers: `${prefix}.encoder.layers`,
    norm1: 'norm1',
    qkv: ['attn.qkv'],
    out: 'attn.proj',
    norm2: 'norm2',
    fc1: ['mlp.fc1'],
    fc2: 'mlp.fc2',
    scales: ['ls1', 'ls2'],
  };
}

/** The same as Hugging Face's own class has it. @param prefix - As of `siglipNames`. */
export function internVitHfNames(prefix: string): TowerNames {
  return {
    patches: `${prefix}.embeddings.patch_embeddings.projection`,
    patchBias: true,
    positions: `${prefix}.embeddings.position_embeddings`,
    classToken: `${prefix}.embeddings.cls_token`,
    layers: `${prefix}.encoder.layer`,
    norm1: 'layernorm_before',
    qkv: ['attention.q_proj', 'attention.k_proj', 'attention.v_proj'],
    out: 'attention.projection_layer',
    norm2: 'layernorm_after',
    fc1: ['mlp.fc1'],
    fc2: 'mlp.fc2',
    scales: ['lambda_1', 'lambda_2'],
  };
}

/**
 * Tensors that are stored with a tower and not used: the layer after the `run` that run, a last norm without a name here,
 * the head, and tables that are computed.
 */
export function unusedTowerTensors({ layers, finalNorm }: TowerNames, run: number): RegExp[] {
  const next = new RegExp(`^${layers.replaceAll('.', '\\.')}\\.${run}\\.`);
  const norm = finalNorm === undefined ? [/\.post_layernorm\./] : [];
  return [next, ...norm, /\bvision_model\.head\./, /\.position_ids$/, /\.inv_freq$/];
}
