// Packs rows of weights as f32 (codec/f32.wgsl).
//
//   source   [rows, k]      elements back to back, read by `element`
//   packed   [*, k]         rows first .. first + rows are written
//   misfits  [*]            element `slot` counts the weights that the format cannot hold
//
// One thread per four weights.

struct Params { rows: u32, k: u32, first: u32, slot: u32 }

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> packed: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> misfits: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let fours = (params.k + 3u) / 4u;
  let four = id.x;
  let row = id.y;
  if (four >= fours) { return; }
  var values = vec4<f32>();
  for (var i = 0u; i < min(4u, params.k - 4u * four); i++) { values[i] = element(row * params.k + 4u * four + i); }
  packed[(params.first + row) * fours + four] = values;
}
