// Gaussian error linear unit, by FORM 0: y = x / 2 * (1 + erf(x / sqrt(2)))
//   1, tanh:   y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
//   2, quick:  y = x / (1 + exp(-1.702 x))                                        (Hendrycks & Gimpel 2016)
//
//   x, y  [rows, dim]
//
// One thread per element, or eight (lane/). erf by Abramowitz & Stegun 7.1.26, absolute error below 1.5e-7.

alias computeDtype = f32;
alias out = computeDtype;
override FORM: u32;
struct Params { dim: u32 }

@group(0) @binding(0) var<storage, read> x: array<In>;
@group(0) @binding(1) var<storage, read_write> y: array<Out>;
@group(0) @binding(2) var<uniform> params: Params;

fn erf(z: vec4<f32>) -> vec4<f32> {
  let a = min(abs(z), vec4<f32>(6.0));
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return sign(z) * (1.0 - poly * exp(-a * a));
}

// WGSL's own tanh may overflow for large arguments.
fn bounded(u: vec4<f32>) -> vec4<f32> {
  return 1.0 - 2.0 / (exp(2.0 * clamp(u, vec4<f32>(-15.0), vec4<f32>(15.0))) + 1.0);
}

fn gelu(x: vec4<f32>) -> vec4<f32> {
  var factor: vec4<f32>; // of x / 2
  if (FORM == 0u) {
    factor = 1.0 + erf(x * 0.7071067811865476);
  } else if (FORM == 1u) {
    factor = 1.0 + bounded(0.7978845608028654 * (x + 0.044715 * x * x * x));
  } else {
    factor = 1.0 + bounded(0.851 * x); // the sigmoid of 2 u is (1 + tanh(u)) / 2
  }
  return 0.5 * x * factor;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let length = params.dim / WIDTH;
  if (id.x >= length) { return; }
  let at = id.y * length + id.x;
  let value = numbers(x[at]);
  y[at] = stored(joined(gelu(lower(value)), gelu(upper(value))));
}
