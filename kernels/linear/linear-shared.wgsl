// What the linear kernels share: operands, parameters, and what they do with a finished sum. What the operands are: linear.wgsl.

alias computeDtype = f32;
alias out = f32;
override GATED: bool = false;
override HAS_BIAS: bool;
override HAS_RESIDUAL: bool;
struct Params { rows: u32, n: u32, k: u32, span: u32, stride: u32, column: u32, period: u32 }

@group(0) @binding(0) var<storage, read> x: array<Activation>;
@group(0) @binding(1) var<storage, read> weight: array<WeightWord>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<out>;
@group(0) @binding(5) var<uniform> params: Params;

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
