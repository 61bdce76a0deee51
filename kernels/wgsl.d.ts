// Generated from the .wgsl files by `npm run wgsl-types`.

declare module '*/add.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'residual' | 'x' | 'scale' | 'y';
    params: 'dim' | 'period';
    constants: 'SCALED';
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/argmax.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'token';
    params: 'n';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/attention-decode.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'q' | 'k' | 'v' | 'starts' | 'y';
    params: 'rows' | 'keys' | 'group' | 'headStride' | 'yStride' | 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'vStride' | 'vColumn' | 'scale';
    constants: 'HEADS' | 'CAUSAL';
    options: 'UNEVEN';
    types: 'out' | 'computeDtype';
  }>;
  export default source;
}

declare module '*/attention-join.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'partial' | 'y';
    params: 'parts';
    constants: 'HEAD_DIM';
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/attention-matrix.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'q' | 'k' | 'v' | 'starts' | 'y';
    params: 'rows' | 'keys' | 'group' | 'headStride' | 'yStride' | 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'vStride' | 'vColumn' | 'scale';
    constants: 'CAUSAL';
    options: 'UNEVEN';
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/attention-row.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'q' | 'k' | 'v' | 'starts' | 'y';
    params: 'rows' | 'keys' | 'group' | 'headStride' | 'yStride' | 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'vStride' | 'vColumn' | 'scale';
    constants: 'HEAD_DIM' | 'CAUSAL';
    options: 'PARTIAL' | 'UNEVEN';
    types: 'out' | 'computeDtype';
  }>;
  export default source;
}

declare module '*/attention-shared.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'q' | 'k' | 'v' | 'starts' | 'y';
    params: 'rows' | 'keys' | 'group' | 'headStride' | 'yStride' | 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'vStride' | 'vColumn' | 'scale';
    constants: 'CAUSAL';
    options: 'UNEVEN';
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/attention-tile.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'q' | 'k' | 'v' | 'starts' | 'y';
    params: 'rows' | 'keys' | 'group' | 'headStride' | 'yStride' | 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'vStride' | 'vColumn' | 'scale';
    constants: 'CAUSAL';
    options: 'UNEVEN';
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/attention-vec8.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'q' | 'k' | 'v' | 'starts' | 'y';
    params: 'rows' | 'keys' | 'group' | 'headStride' | 'yStride' | 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'vStride' | 'vColumn' | 'scale';
    constants: 'CAUSAL';
    options: 'UNEVEN';
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/attention.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'q' | 'k' | 'v' | 'starts' | 'y';
    params: 'rows' | 'keys' | 'group' | 'headStride' | 'yStride' | 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'vStride' | 'vColumn' | 'scale';
    constants: 'HEAD_DIM' | 'CAUSAL';
    options: 'CHUNKS' | 'UNEVEN';
    types: 'computeDtype';
  }>;
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

declare module '*/wide-bf16.wgsl' {
  const source: string;
  export default source;
}

declare module '*/wide-f16.wgsl' {
  const source: string;
  export default source;
}

declare module '*/wide-f32.wgsl' {
  const source: string;
  export default source;
}

declare module '*/wide-q4.wgsl' {
  const source: string;
  export default source;
}

declare module '*/wide-q8.wgsl' {
  const source: string;
  export default source;
}

declare module '*/embed.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'ids' | 'weight' | 'y';
    params: 'dim' | 'first' | 'count';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/gelu.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'y';
    params: 'dim';
    constants: 'FORM';
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/interpolate.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'table' | 'y';
    params: 'side' | 'rows' | 'columns' | 'dim';
    constants: never;
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/eight.wgsl' {
  const source: string;
  export default source;
}

declare module '*/one.wgsl' {
  const source: string;
  export default source;
}

declare module '*/layer-norm.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'weight' | 'bias' | 'y';
    params: 'dim' | 'eps';
    constants: never;
    options: never;
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/linear-few.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'weight' | 'bias' | 'residual' | 'y';
    params: 'rows' | 'n' | 'k' | 'span' | 'stride' | 'column' | 'period';
    constants: 'HAS_BIAS' | 'HAS_RESIDUAL';
    options: 'COLUMNS' | 'HALVED' | 'GATED';
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/linear-halves.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'y';
    params: 'k';
    constants: never;
    options: never;
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/linear-join.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'weight' | 'bias' | 'residual' | 'y';
    params: 'rows' | 'n' | 'k' | 'span' | 'stride' | 'column' | 'period';
    constants: 'HAS_BIAS' | 'HAS_RESIDUAL';
    options: 'GATED';
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/linear-matrix.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'weight' | 'bias' | 'residual' | 'y';
    params: 'rows' | 'n' | 'k' | 'span' | 'stride' | 'column' | 'period';
    constants: 'HAS_BIAS' | 'HAS_RESIDUAL';
    options: 'ROWS' | 'HALVED' | 'GATED';
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/linear-row.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'weight' | 'bias' | 'residual' | 'y';
    params: 'rows' | 'n' | 'k' | 'span' | 'stride' | 'column' | 'period';
    constants: 'HAS_BIAS' | 'HAS_RESIDUAL';
    options: 'GATED';
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/linear-scalar.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'weight' | 'bias' | 'residual' | 'y';
    params: 'rows' | 'n' | 'k' | 'span' | 'stride' | 'column' | 'period';
    constants: 'HAS_BIAS' | 'HAS_RESIDUAL';
    options: 'GATED';
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/linear-shared.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'weight' | 'bias' | 'residual' | 'y';
    params: 'rows' | 'n' | 'k' | 'span' | 'stride' | 'column' | 'period';
    constants: 'HAS_BIAS' | 'HAS_RESIDUAL';
    options: 'GATED';
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/linear-tile.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'weight' | 'bias' | 'residual' | 'y';
    params: 'rows' | 'n' | 'k' | 'span' | 'stride' | 'column' | 'period';
    constants: 'HAS_BIAS' | 'HAS_RESIDUAL';
    options: 'HALVED' | 'GATED';
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/linear-vec8.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'weight' | 'bias' | 'residual' | 'y';
    params: 'rows' | 'n' | 'k' | 'span' | 'stride' | 'column' | 'period';
    constants: 'HAS_BIAS' | 'HAS_RESIDUAL';
    options: 'HALVED' | 'GATED';
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/linear.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'weight' | 'bias' | 'residual' | 'y';
    params: 'rows' | 'n' | 'k' | 'span' | 'stride' | 'column' | 'period';
    constants: 'HAS_BIAS' | 'HAS_RESIDUAL';
    options: 'GATED';
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/mean-frames.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'y';
    params: 'frames' | 'size';
    constants: never;
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/merge-patches.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'y';
    params: 'rows' | 'columns' | 'by' | 'dim';
    constants: never;
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/normalise.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'rgb' | 'values' | 'y';
    params: 'width' | 'height';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/pack-bf16.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'packed' | 'source' | 'misfits';
    params: 'rows' | 'k' | 'first' | 'slot';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/pack-f16.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'packed' | 'source' | 'misfits';
    params: 'rows' | 'k' | 'first' | 'slot';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/pack-f32.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'packed' | 'source' | 'misfits';
    params: 'rows' | 'k' | 'first' | 'slot';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/pack-fours.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'source' | 'misfits';
    params: 'rows' | 'k' | 'first' | 'slot';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/pack-q4.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'packed' | 'source' | 'misfits';
    params: 'rows' | 'k' | 'first' | 'slot';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/pack-q8.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'packed' | 'source' | 'misfits';
    params: 'rows' | 'k' | 'first' | 'slot';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/pack-shared.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'source' | 'misfits';
    params: 'rows' | 'k' | 'first' | 'slot';
    constants: never;
    options: never;
    types: never;
  }>;
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
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'pixels' | 'y';
    params: 'channels' | 'height' | 'width' | 'patchSize' | 'depth';
    constants: never;
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/pool.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'newline' | 'y';
    params: 'grid' | 'side' | 'dim';
    constants: 'MODE' | 'NEWLINE';
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/assign.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'planes' | 'chosen' | 'into';
    params: 'rows' | 'first' | 'candidates';
    constants: 'MERGE';
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/attention-sums.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'q' | 'k' | 'sums';
    params: 'tokens' | 'heads' | 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'scale';
    constants: 'HEAD_DIM';
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/combine-rows.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'starts' | 'members' | 'weights' | 'y';
    params: 'dim';
    constants: never;
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/compact-layout.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'position' | 'planes' | 'keep' | 'slot' | 'positionOut' | 'planesOut';
    params: 'rows' | 'kept';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/compact-rows.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'keep' | 'slot' | 'links' | 'y';
    params: 'dim' | 'rows';
    constants: 'MERGE';
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/head-mean.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'weights' | 'planes' | 'key';
    params: 'heads' | 'keys' | 'first' | 'n';
    constants: 'SPARED';
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/last-row-attention.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'q' | 'k' | 'weights';
    params: 'rows' | 'keys' | 'heads' | 'group' | 'scale';
    constants: 'HEAD_DIM';
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/order-key.wgsl' {
  const source: string;
  export default source;
}

declare module '*/planes.wgsl' {
  const source: string;
  export default source;
}

declare module '*/received-attention.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'q' | 'k' | 'sums' | 'received';
    params: 'tokens' | 'heads' | 'queries' | 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'scale';
    constants: 'HEAD_DIM';
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/scan.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'keep' | 'slot';
    params: 'first' | 'second';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/similarity.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'hidden' | 'planes' | 'key' | 'count';
    params: 'dim' | 'rows' | 'bound';
    constants: never;
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/survivors.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'planes' | 'into' | 'keep' | 'links';
    params: 'rows';
    constants: 'MERGE';
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/threshold.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'key' | 'chosen';
    params: 'n' | 'least';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/top-k.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'key' | 'chosen';
    params: 'n' | 'k';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/repetition-penalty.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'token' | 'seen' | 'y';
    params: 'n' | 'penalty';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/rms-norm.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'weight' | 'y';
    params: 'dim' | 'eps';
    constants: never;
    options: never;
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/rope.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'qkv' | 'position' | 'rotary' | 'norm' | 'q' | 'k' | 'v';
    params: 'heads' | 'kvHeads' | 'offset' | 'eps';
    constants: 'HEAD_DIM' | 'GROUPED' | 'NORMED' | 'HEADS';
    options: never;
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/sample.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'token';
    params: 'n' | 'inverseTemperature' | 'topK' | 'topP' | 'minP' | 'random';
    constants: never;
    options: never;
    types: never;
  }>;
  export default source;
}

declare module '*/attention-subgroup.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'q' | 'k' | 'v' | 'starts' | 'y';
    params: 'rows' | 'keys' | 'group' | 'headStride' | 'yStride' | 'qStride' | 'qColumn' | 'kStride' | 'kColumn' | 'vStride' | 'vColumn' | 'scale';
    constants: 'CAUSAL';
    options: 'LANES' | 'CHUNKS' | 'UNEVEN';
    types: 'computeDtype';
  }>;
  export default source;
}

declare module '*/linear-subgroup.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'weight' | 'bias' | 'residual' | 'y';
    params: 'rows' | 'n' | 'k' | 'span' | 'stride' | 'column' | 'period';
    constants: 'HAS_BIAS' | 'HAS_RESIDUAL';
    options: 'LANES' | 'ROWS' | 'GATED';
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/swiglu.wgsl' {
  const source: import('../engine/kernel.ts').KernelSource<{
    operands: 'x' | 'y';
    params: 'dim';
    constants: never;
    options: never;
    types: 'computeDtype' | 'out';
  }>;
  export default source;
}

declare module '*/vec8-f16.wgsl' {
  const source: string;
  export default source;
}

declare module '*/vec8-f32.wgsl' {
  const source: string;
  export default source;
}
