// Root-mean-square norm of each row:  y[r, c] = x[r, c] * weight[c] / sqrt(mean(x[r]^2) + eps)
//
//   x       [rows, dim]   residual stream
//   weight  [dim]         gain
//   y       [rows, dim]
//
// One workgroup per row. Sums in f32 whatever the dtypes are: f16 ends at 65504.

alias act = f32;
alias out = f32;
struct Params { dim: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<act>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<out>;
@group(0) @binding(3) var<uniform> params: Params;

const WG = 32u;
var<workgroup> partial: array<f32, WG>;

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * params.dim;
  var squares = 0.0;
  for (var c = lane; c < params.dim; c += WG) {
    let value = f32(x[start + c]);
    squares += value * value;
  }
  partial[lane] = squares;
  workgroupBarrier();
  // Every lane adds all parts up: cheaper than the barriers of a tree, above all on a processor.
  squares = 0.0;
  for (var i = 0u; i < WG; i++) { squares += partial[i]; }
  let scale = 1.0 / sqrt(squares / f32(params.dim) + params.eps);
  for (var c = lane; c < params.dim; c += WG) { y[start + c] = out(f32(x[start + c]) * scale * weight[c]); }
}
