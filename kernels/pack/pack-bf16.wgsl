// with pack-fours.wgsl
// Packs rows of weights as bf16 (codec/bf16.wgsl), rounded to nearest even. One thread per four weights.

@group(0) @binding(0) var<storage, read_write> packed: array<vec2<u32>>;

// To nearest even, by bits; what is not finite is cut, and stays so.
fn upperHalf(bits: vec4<u32>) -> vec4<u32> {
  let special = (bits & vec4<u32>(0x7f800000u)) == vec4<u32>(0x7f800000u);
  return select((bits + 0x7fffu + ((bits >> vec4<u32>(16u)) & vec4<u32>(1u))) >> vec4<u32>(16u), bits >> vec4<u32>(16u), special);
}

fn write(at: u32, values: vec4<f32>) { packed[at] = halvesOf(upperHalf(bitcast<vec4<u32>>(values)), 0x7f80u); }
