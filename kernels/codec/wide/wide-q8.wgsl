// Weight format q8 (codec/q8.wgsl) where rows are whole vectors: eight neighbours are two words of a block and its scale.

alias WeightWord = u32;
fn weightRow(row: u32, k: u32) -> u32 { return row * 9u * ((k + 31u) / 32u); }
fn weightVec8(start: u32, at: u32) -> Vec8 {
  let block = start + 9u * (at / 4u);
  let word = block + 1u + 2u * (at % 4u);
  let scale = bitcast<f32>(weight[block]);
  return vec8(scaled(weight[word], scale), scaled(weight[word + 1u], scale));
}

// Codes without a sign become floats in one instruction on many GPUs. 128 * scale is exact, so is the sum before it is rounded once.
fn scaled(codes: u32, scale: f32) -> vec4<f32> {
  return fma(vec4<f32>(unpack4xU8(codes ^ 0x80808080u)), vec4<f32>(scale), vec4<f32>(-128.0 * scale));
}
