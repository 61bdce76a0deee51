// Weighted sums of rows:  y[i] = sum over m in starts[i] .. starts[i + 1] of weights[m] * x[members[m]]
//
//   x        [rows, dim]
//   starts   [sums + 1]      members, weights  [all members]
//   y        [sums, dim]
//
// One workgroup per sum. Sums in f32, in the order of members.

alias computeDtype = f32;
struct Params { dim: u32 }

@group(0) @binding(0) var<storage, read> x: array<computeDtype>;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read> members: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<computeDtype>;
@group(0) @binding(5) var<uniform> params: Params;

const WG = 64u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let to = group.x * params.dim;
  for (var c = lane; c < params.dim; c += WG) {
    var sum = 0.0;
    for (var m = starts[group.x]; m < starts[group.x + 1u]; m++) {
      sum += weights[m] * f32(x[members[m] * params.dim + c]);
    }
    y[to + c] = computeDtype(sum);
  }
}
