// with linear-shared.wgsl
// What linear kernels share that load eight numbers at a time: k is a multiple of eight, and both factors are Vec8
// (vec8/, codec/wide/).

alias Activation = Vec8;
override HALVED: bool = false;  // rows of x are divided by powers of two (linear-halves.wgsl)

// Vectors from a row of x to the next.
fn xStride() -> u32 { return params.k / 8u + select(0u, 1u, HALVED); }

// Where k is shared out, a workgroup has `span` vectors of it, and its sums go into rows of their own (linear-join.wgsl).
fn spanEnd(part: u32) -> u32 { return min((part + 1u) * params.span, params.k / 8u); }
fn storePart(part: u32, row: u32, n: u32, sum: f32) {
  var whole = sum;
  if (HALVED) { whole = ldexp(sum, i32(low(x[row * xStride() + params.k / 8u]).x)); }
  store(part * params.rows + row, n, whole);
}
