// Gated activation:  y[r, c] = silu(x[r, c]) * x[r, dim + c],  silu(g) = g / (1 + exp(-g))
//
//   x  [rows, 2 * dim]   gate, then up
//   y  [rows, dim]       f32: Qwen2's product has outliers beyond what f16 holds
//
// One thread per element.

alias act = f32;
alias out = f32;
struct Params { dim: u32 }

@group(0) @binding(0) var<storage, read> x: array<act>;
@group(0) @binding(1) var<storage, read_write> y: array<out>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  if (c >= params.dim) { return; }
  let gate = f32(x[id.y * 2u * params.dim + c]);
  let up = f32(x[id.y * 2u * params.dim + params.dim + c]);
  // Held at 80, where the gate is zero for any purpose: exp would overflow.
  y[id.y * params.dim + c] = out(gate / (1.0 + exp(min(-gate, 80.0))) * up);
}
