// Generated from the .wgsl files by `npm run wgsl-types`.

declare module '*/add.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'residual' | 'x' | 'scale' | 'y',
    'dim' | 'period',
    'SCALED',
    never,
    never
  >;
  export default source;
}

declare module '*/argmax.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'token',
    'n',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/attention-join.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'partial' | 'y',
    'parts',
    'HEAD_DIM',
    never,
    'act'
  >;
  export default source;
}

declare module '*/attention-row.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'q' | 'k' | 'v' | 'y',
    'keys' | 'span' | 'group' | 'qColumn' | 'kStride' | 'kColumn' | 'vStride' | 'vColumn' | 'scale',
    'HEAD_DIM',
    'PARTIAL',
    'act' | 'out'
  >;
  export default source;
}

declare module '*/attention.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'q' | 'k' | 'v' | 'starts' | 'y',
    'rows' | 'keys' | 'group' | 'heads' | 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'vStride' | 'vColumn' | 'scale',
    'HEAD_DIM' | 'CAUSAL',
    'UNEVEN' | 'CHUNKS',
    'act'
  >;
  export default source;
}

declare module '*/bf16.wgsl' {
  const source: string;
  export default source;
}

declare module '*/f16.wgsl' {
  const source: string;
  export default source;
}

declare module '*/f32.wgsl' {
  const source: string;
  export default source;
}

declare module '*/q4.wgsl' {
  const source: string;
  export default source;
}

declare module '*/q8.wgsl' {
  const source: string;
  export default source;
}

declare module '*/embed.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'ids' | 'weight' | 'y',
    'dim' | 'first' | 'count',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/gelu.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'y',
    'dim',
    'FORM',
    never,
    'act'
  >;
  export default source;
}

declare module '*/interpolate.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'table' | 'y',
    'side' | 'rows' | 'columns' | 'dim',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/layer-norm.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'weight' | 'bias' | 'y',
    'dim' | 'eps',
    never,
    never,
    'act' | 'out'
  >;
  export default source;
}

declare module '*/linear-matrix.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'weight' | 'bias' | 'residual' | 'y',
    'rows' | 'n' | 'k' | 'stride' | 'column' | 'period',
    'HAS_BIAS' | 'HAS_RESIDUAL',
    'GATED',
    'act' | 'out'
  >;
  export default source;
}

declare module '*/linear-row.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'weight' | 'bias' | 'residual' | 'y',
    'rows' | 'n' | 'k' | 'stride' | 'column' | 'period',
    'HAS_BIAS' | 'HAS_RESIDUAL',
    'GATED',
    'act' | 'out'
  >;
  export default source;
}

declare module '*/linear-shared.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'weight' | 'bias' | 'residual' | 'y',
    'rows' | 'n' | 'k' | 'stride' | 'column' | 'period',
    'HAS_BIAS' | 'HAS_RESIDUAL',
    'GATED',
    'act' | 'out'
  >;
  export default source;
}

declare module '*/linear.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'weight' | 'bias' | 'residual' | 'y',
    'rows' | 'n' | 'k' | 'stride' | 'column' | 'period',
    'HAS_BIAS' | 'HAS_RESIDUAL',
    'GATED',
    'act' | 'out'
  >;
  export default source;
}

declare module '*/mean-frames.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'y',
    'frames' | 'size',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/merge-patches.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'y',
    'rows' | 'columns' | 'by' | 'dim',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/pack-bf16.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'source' | 'packed' | 'misfits',
    'rows' | 'k' | 'first' | 'slot',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/pack-f16.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'source' | 'packed' | 'misfits',
    'rows' | 'k' | 'first' | 'slot',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/pack-f32.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'source' | 'packed' | 'misfits',
    'rows' | 'k' | 'first' | 'slot',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/pack-q4.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'source' | 'packed' | 'misfits',
    'rows' | 'k' | 'first' | 'slot',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/pack-q8.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'source' | 'packed' | 'misfits',
    'rows' | 'k' | 'first' | 'slot',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/read-bf16.wgsl' {
  const source: string;
  export default source;
}

declare module '*/read-f16.wgsl' {
  const source: string;
  export default source;
}

declare module '*/read-f32.wgsl' {
  const source: string;
  export default source;
}

declare module '*/patchify.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'pixels' | 'y',
    'channels' | 'height' | 'width' | 'patchSize' | 'depth',
    never,
    never,
    'act'
  >;
  export default source;
}

declare module '*/pool.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'newline' | 'y',
    'grid' | 'side' | 'dim',
    'MODE' | 'NEWLINE',
    never,
    'act'
  >;
  export default source;
}

declare module '*/compact.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'hidden' | 'position' | 'planes' | 'keep' | 'slot' | 'hiddenOut' | 'positionOut' | 'planesOut',
    'dim' | 'rows' | 'tokens' | 'kept',
    'MERGE',
    never,
    'act'
  >;
  export default source;
}

declare module '*/gather.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'keep' | 'slot' | 'y',
    'dim',
    never,
    never,
    'act'
  >;
  export default source;
}

declare module '*/head-mean.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'weights' | 'planes' | 'key',
    'heads' | 'keys' | 'first' | 'n',
    'SPARED',
    never,
    never
  >;
  export default source;
}

declare module '*/last-row-attention.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'q' | 'k' | 'weights',
    'rows' | 'keys' | 'heads' | 'group' | 'scale',
    'HEAD_DIM',
    never,
    'act'
  >;
  export default source;
}

declare module '*/scan.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'keep' | 'slot',
    'first' | 'second',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/similarity.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'hidden' | 'planes' | 'key' | 'count',
    'dim' | 'rows' | 'bound',
    never,
    never,
    'act'
  >;
  export default source;
}

declare module '*/survivors.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'planes' | 'chosen' | 'keep',
    'rows' | 'first' | 'candidates',
    'MERGE',
    never,
    never
  >;
  export default source;
}

declare module '*/threshold.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'key' | 'chosen',
    'n' | 'least',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/top-k.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'key' | 'chosen',
    'n' | 'k',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/rms-norm.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'weight' | 'y',
    'dim' | 'eps',
    never,
    never,
    'act' | 'out'
  >;
  export default source;
}

declare module '*/rope.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'qkv' | 'position' | 'rotation' | 'norm' | 'q' | 'k' | 'v',
    'heads' | 'kvHeads' | 'offset' | 'eps',
    'HEAD_DIM' | 'GROUPED' | 'NORMED',
    never,
    'act'
  >;
  export default source;
}

declare module '*/sample.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'token',
    'n' | 'inverseTemperature' | 'topP' | 'random',
    never,
    never,
    never
  >;
  export default source;
}

declare module '*/attention-subgroup.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'q' | 'k' | 'v' | 'starts' | 'y',
    'rows' | 'keys' | 'group' | 'headStride' | 'yStride' | 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'vStride' | 'vColumn' | 'scale',
    'HEAD_DIM' | 'CAUSAL',
    'LANES' | 'UNEVEN' | 'CHUNKS',
    'act'
  >;
  export default source;
}

declare module '*/linear-subgroup.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'weight' | 'bias' | 'residual' | 'y',
    'rows' | 'n' | 'k' | 'stride' | 'column' | 'period',
    'HAS_BIAS' | 'HAS_RESIDUAL',
    'LANES' | 'ROWS' | 'GATED',
    'act' | 'out'
  >;
  export default source;
}

declare module '*/swiglu.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<
    'x' | 'y',
    'dim',
    never,
    never,
    'act' | 'out'
  >;
  export default source;
}
