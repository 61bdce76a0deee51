// with pack-fours.wgsl
// Packs rows of weights as f16 (codec/f16.wgsl), rounded to nearest even. One thread per four weights.

@group(0) @binding(0) var<storage, read_write> packed: array<vec2<u32>>;

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

fn write(at: u32, values: vec4<f32>) {
  packed[at] = halvesOf(vec4<u32>(half(values.x), half(values.y), half(values.z), half(values.w)), 0x7c00u);
}
