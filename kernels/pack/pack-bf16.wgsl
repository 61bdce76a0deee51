// Packs rows of weights as bf16 (codec/bf16.wgsl), rounded to nearest even.
//
//   source   [rows, k]      elements back to back, read by `element`
//   packed   [*, k]         rows first .. first + rows are written
//   misfits  [*]            element `slot` counts the weights that the format cannot hold
//
// One thread per four weights.

struct Params { rows: u32, k: u32, first: u32, slot: u32 }

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read_write> packed: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> misfits: array<atomic<u32>>;
@group(0) @binding(3) var<uniform> params: Params;

// To nearest even, by bits; what is not finite is cut, and stays so.
fn upperHalf(bits: vec4<u32>) -> vec4<u32> {
  let special = (bits & vec4<u32>(0x7f800000u)) == vec4<u32>(0x7f800000u);
  return select((bits + 0x7fffu + ((bits >> vec4<u32>(16u)) & vec4<u32>(1u))) >> vec4<u32>(16u), bits >> vec4<u32>(16u), special);
}

fn count(misfit: vec4<bool>) {
  let n = dot(select(vec4<u32>(), vec4<u32>(1u), misfit), vec4<u32>(1u));
  if (n > 0u) { atomicAdd(&misfits[params.slot], n); }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let fours = (params.k + 3u) / 4u;
  let four = id.x;
  let row = id.y;
  if (four >= fours) { return; }
  var values = vec4<f32>();
  for (var i = 0u; i < min(4u, params.k - 4u * four); i++) { values[i] = element(row * params.k + 4u * four + i); }
  let bits = bitcast<vec4<u32>>(values);
  let halves = upperHalf(bits);
  packed[(params.first + row) * fours + four] = vec2<u32>(halves.x | (halves.y << 16u), halves.z | (halves.w << 16u));
  count((halves & vec4<u32>(0x7f80u)) == vec4<u32>(0x7f80u));
}
