// Layer norm of each row:  y[r, c] = (x[r, c] - mean) / sqrt(variance + eps) * weight[c] + bias[c]
//
//   x             [rows, dim]
//   weight, bias  [dim]
//   y             [rows, dim]
//
// One workgroup per row; mean first, then the variance about it (one pass over squares cancels). Sums in f32.

alias act = f32;
alias out = f32;
struct Params { dim: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<act>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<out>;
@group(0) @binding(4) var<uniform> params: Params;

const WG = 32u;
var<workgroup> partial: array<f32, WG>;

fn total(value: f32, lane: u32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  // Every lane adds all parts up: cheaper than the barriers of a tree, above all on a processor.
  var sum = 0.0;
  for (var i = 0u; i < WG; i++) { sum += partial[i]; }
  workgroupBarrier();
  return sum;
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * params.dim;
  var sum = 0.0;
  for (var c = lane; c < params.dim; c += WG) { sum += f32(x[start + c]); }
  let mean = total(sum, lane) / f32(params.dim);
  var squares = 0.0;
  for (var c = lane; c < params.dim; c += WG) {
    let centred = f32(x[start + c]) - mean;
    squares += centred * centred;
  }
  let scale = 1.0 / sqrt(total(squares, lane) / f32(params.dim) + params.eps);
  for (var c = lane; c < params.dim; c += WG) {
    y[start + c] = out((f32(x[start + c]) - mean) * scale * weight[c] + bias[c]);
  }
}
