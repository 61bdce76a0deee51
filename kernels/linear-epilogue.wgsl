// What the linear kernels do with a finished sum: appended to each of them. Operands: linear.wgsl.

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
