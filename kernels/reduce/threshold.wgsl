// with order-key.wgsl
// Chooses every key that is at least `least` and not NaN:  chosen[i] = 1 or 0
//
//   key     [n]   ordered keys (order-key.wgsl)
//   chosen  [n]
//
// One thread per key.

struct Params { n: u32, least: u32 }

@group(0) @binding(0) var<storage, read> key: array<u32>;
@group(0) @binding(1) var<storage, read_write> chosen: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.n) { return; }
  chosen[id.x] = select(0u, 1u, key[id.x] >= params.least && key[id.x] != NAN_KEY);
}
