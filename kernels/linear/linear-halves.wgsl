// Rows of f32 as f16, each divided by a power of two:  y[r, c] = x[r, c] / 2^e[r]
//
//   x  [rows, k]
//   y  [rows, k + 8]   f16; the first of the last eight is e[r], which kernels that read it multiply their sums by
//
// The largest of a row comes between 2^8 and 2^9, so that a chain of eight products stays below f16's end with weights up to 16; a
// number loses places only where it is 2^22 times smaller. One workgroup per row; what a lane takes at a time: lane/.

alias computeDtype = f32;
alias out = f32;
struct Params { k: u32 }

@group(0) @binding(0) var<storage, read> x: array<In>;
@group(0) @binding(1) var<storage, read_write> y: array<Out>;
@group(0) @binding(2) var<uniform> params: Params;

const WG = 128u;
var<workgroup> partial: array<f32, WG>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let length = params.k / WIDTH;
  let start = group.x * length;
  var most = vec4<f32>();
  for (var c = lane; c < length; c += WG) {
    let value = numbers(x[start + c]);
    most = max(most, max(abs(lower(value)), abs(upper(value))));
  }
  partial[lane] = max(max(most.x, most.y), max(most.z, most.w));
  workgroupBarrier();
  var largest = 1e-30;
  for (var i = 0u; i < WG; i++) { largest = max(largest, partial[i]); }
  let exponent = frexp(largest).exp - 9;
  let to = group.x * (length + 8u / WIDTH);
  for (var c = lane; c < length; c += WG) {
    let value = numbers(x[start + c]);
    y[to + c] = stored(joined(ldexp(lower(value), vec4<i32>(-exponent)), ldexp(upper(value), vec4<i32>(-exponent))));
  }
  if (lane == 0u) { y[to + length] = stored(splat(f32(exponent))); }
}
