// with planes.wgsl
// with order-key.wgsl
// Importance of keys: the mean of attention weights over the heads, as an ordered key (order-key.wgsl)
//
//   weights  [heads, keys]
//   planes   [3, keys]       the layout, read where SPARED: a key that is no video token comes before all others
//   key      [n]             of keys first .. first + n
//
// One thread per key.

override SPARED: bool;
struct Params { heads: u32, keys: u32, first: u32, n: u32 }

@group(0) @binding(0) var<storage, read> weights: array<f32>;
@group(0) @binding(1) var<storage, read> planes: array<u32>;
@group(0) @binding(2) var<storage, read_write> key: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.n) { return; }
  if (SPARED) {
    if (planes[params.first + id.x] == NONE) {
      key[id.x] = NAN_KEY;
      return;
    }
  }
  var sum = 0.0;
  for (var head = 0u; head < params.heads; head++) { sum += weights[head * params.keys + params.first + id.x]; }
  // Weights are not negative: setting the sign bit is all that the order needs.
  key[id.x] = bitcast<u32>(sum / f32(params.heads)) | 0x80000000u;
}
