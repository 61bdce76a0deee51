// What the linear kernels share: appended to each of them. How those with tiles load, and what all do with a finished
// sum. Operands: linear.wgsl.

// Columns of y that the weight makes. GATED, row c of the weight is a gate and row outputs() + c what it lets through.
fn outputs() -> u32 { return select(params.n, params.n / 2u, GATED); }

// SwiGLU. Held at 80, where the gate is zero for any purpose: exp would overflow.
fn gated(gate: f32, up: f32) -> f32 { return gate / (1.0 + exp(min(-gate, 80.0))) * up; }

fn store(row: u32, n: u32, sum: f32) {
  let column = params.column + n;
  var value = sum;
  if (HAS_BIAS) { value += bias[column]; }
  if (HAS_RESIDUAL) { value += residual[(row % params.period) * params.stride + column]; }
  y[row * params.stride + column] = out(value);
}

fn activations(row: u32, k: u32) -> vec4<f32> {
  var a = vec4<f32>();
  if (row >= params.rows) { return a; }
  let at = row * params.k + k;
  if (k + 3u < params.k) { return vec4<f32>(f32(x[at]), f32(x[at + 1u]), f32(x[at + 2u]), f32(x[at + 3u])); }
  for (var i = 0u; k + i < params.k; i++) { a[i] = f32(x[at + i]); }
  return a;
}

// Beyond a row's end a format may hold anything; there the activations are zero.
fn weights(n: u32, k: u32) -> vec4<f32> {
  if (n >= params.n || k >= params.k) { return vec4<f32>(); }
  return weightFour(weightRow(n, params.k), k / 4u);
}
