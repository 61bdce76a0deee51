// Gated activation:  y[r, c] = silu(x[r, c]) * x[r, dim + c],  silu(g) = g / (1 + exp(-g))
//
//   x  [rows, 2 * dim]   gate, then up
//   y  [rows, dim]       f32: Qwen2's product has outliers beyond what f16 holds
//
// One thread per element, or eight (lane/).

alias computeDtype = f32;
alias out = f32;
struct Params { dim: u32 }

@group(0) @binding(0) var<storage, read> x: array<In>;
@group(0) @binding(1) var<storage, read_write> y: array<Out>;
@group(0) @binding(2) var<uniform> params: Params;

// Held at 80, where the gate is zero for any purpose: exp would overflow.
fn silu(x: vec4<f32>) -> vec4<f32> { return x / (1.0 + exp(min(-x, vec4<f32>(80.0)))); }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  let length = params.dim / WIDTH;
  if (c >= length) { return; }
  let gate = numbers(x[id.y * 2u * length + c]);
  let up = numbers(x[id.y * 2u * length + length + c]);
  y[id.y * length + c] = stored(times(joined(silu(lower(gate)), silu(upper(gate))), up));
}
