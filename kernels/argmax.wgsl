// The index of the largest of n values; the lowest index where several are equal.
//
//   x      [n]
//   token  [1]
//
// One workgroup.

struct Params { n: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> token: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

const WG = 256u;
var<workgroup> best: array<f32, WG>;
var<workgroup> at: array<u32, WG>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  // A lane without elements repeats the first one, which changes nothing.
  var value = x[0];
  var index = 0u;
  for (var i = lane; i < params.n; i += WG) {
    if (x[i] > value) {
      value = x[i];
      index = i;
    }
  }
  best[lane] = value;
  at[lane] = index;
  workgroupBarrier();
  for (var step = WG / 2u; step > 0u; step /= 2u) {
    if (lane < step) {
      let other = lane + step;
      if (best[other] > best[lane] || (best[other] == best[lane] && at[other] < at[lane])) {
        best[lane] = best[other];
        at[lane] = at[other];
      }
    }
    workgroupBarrier();
  }
  if (lane == 0u) { token[0] = at[0]; }
}
