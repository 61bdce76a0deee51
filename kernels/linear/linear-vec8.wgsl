// with linear-shared.wgsl
// What linear kernels share that load eight numbers at a time: k is a multiple of eight, and both factors are Vec8
// (vec8/, codec/wide/).

alias Activation = Vec8;

// Where k is shared out, a workgroup has `span` vectors of it, and its sums go into rows of their own (linear-join.wgsl).
fn spanEnd(part: u32) -> u32 { return min((part + 1u) * params.span, params.k / 8u); }
fn storePart(part: u32, row: u32, n: u32, sum: f32) { store(part * params.rows + row, n, sum); }
