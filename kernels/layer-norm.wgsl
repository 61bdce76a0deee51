// Layer norm of each row:  y[r, c] = (x[r, c] - mean) / sqrt(variance + eps) * weight[c] + bias[c]
//
//   x             [rows, dim]
//   weight, bias  [dim]
//   y             [rows, dim]
//
// One workgroup per row; mean first, then the variance about it (one pass over squares cancels). Sums in f32.
// What a lane takes at a time: lane/.

alias computeDtype = f32;
alias out = f32;
struct Params { dim: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> x: array<In>;
@group(0) @binding(1) var<storage, read> weight: array<Numbers>;
@group(0) @binding(2) var<storage, read> bias: array<Numbers>;
@group(0) @binding(3) var<storage, read_write> y: array<Out>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> partial: array<f32, TEAM>;

fn total(value: f32, lane: u32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  // Every lane adds all parts up: cheaper than the barriers of a tree, above all on a processor.
  var sum = 0.0;
  for (var i = 0u; i < TEAM; i++) { sum += partial[i]; }
  workgroupBarrier();
  return sum;
}

@compute @workgroup_size(TEAM)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let length = params.dim / WIDTH;
  let start = group.x * length;
  var sum = 0.0;
  for (var c = lane; c < length; c += TEAM) { sum += sumOf(numbers(x[start + c])); }
  let mean = total(sum, lane) / f32(params.dim);
  var squares = 0.0;
  for (var c = lane; c < length; c += TEAM) {
    let centred = numbers(x[start + c]) - splat(mean);
    squares += dotOf(centred, centred);
  }
  let scale = 1.0 / sqrt(total(squares, lane) / f32(params.dim) + params.eps);
  for (var c = lane; c < length; c += TEAM) {
    y[start + c] = stored(times((numbers(x[start + c]) - splat(mean)) * scale, weight[c]) + bias[c]);
  }
}
