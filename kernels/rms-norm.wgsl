// Root-mean-square norm of each row:  y[r, c] = x[r, c] * weight[c] / sqrt(mean(x[r]^2) + eps)
//
//   x       [rows, dim]   residual stream
//   weight  [dim]         gain
//   y       [rows, dim]
//
// One workgroup per row. Sums in f32 whatever the dtypes are: f16 ends at 65504. What a lane takes at a time: lane/.

alias computeDtype = f32;
alias out = f32;
struct Params { dim: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<In>;
@group(0) @binding(1) var<storage, read> weight: array<Numbers>;
@group(0) @binding(2) var<storage, read_write> y: array<Out>;
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> partial: array<f32, TEAM>;

@compute @workgroup_size(TEAM)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let length = params.dim / WIDTH;
  let start = group.x * length;
  var squares = 0.0;
  for (var c = lane; c < length; c += TEAM) {
    let value = numbers(x[start + c]);
    squares += dotOf(value, value);
  }
  partial[lane] = squares;
  workgroupBarrier();
  // Every lane adds all parts up: cheaper than the barriers of a tree, above all on a processor.
  squares = 0.0;
  for (var i = 0u; i < TEAM; i++) { squares += partial[i]; }
  let scale = 1.0 / sqrt(squares / f32(params.dim) + params.eps);
  for (var c = lane; c < length; c += TEAM) { y[start + c] = stored(times(numbers(x[start + c]) * scale, weight[c])); }
}
