// Packs rows of weights as f16 (codec/f16.wgsl), rounded to nearest even.
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

// By bits, because WGSL leaves open how a conversion rounds. Numbers beyond the range become infinite.
fn half(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  let sign = (bits >> 16u) & 0x8000u;
  let magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x477ff000u) { return sign | 0x7c00u; } // 65520 and more, and what is no number
  // Subnormal: multiples of 2^-24, which is just the spacing of f32 between 0.5 and 1.
  if (magnitude < 0x38800000u) { return sign | (bitcast<u32>(0.5 + abs(value)) - 0x3f000000u); }
  return sign | ((magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13u) & 1u)) >> 13u);
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
  let halves = vec4<u32>(half(values.x), half(values.y), half(values.z), half(values.w));
  packed[(params.first + row) * fours + four] = vec2<u32>(halves.x | (halves.y << 16u), halves.z | (halves.w << 16u));
  count((halves & vec4<u32>(0x7c00u)) == vec4<u32>(0x7c00u));
}
