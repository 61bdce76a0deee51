// Weight format q8 (codec/q8.wgsl) where rows are whole vectors: eight neighbours are two words of a block and its scale.

alias WeightWord = u32;
fn weightRow(row: u32, k: u32) -> u32 { return row * 9u * ((k + 31u) / 32u); }
fn weightVec8(start: u32, at: u32) -> Vec8 {
  let block = start + 9u * (at / 4u);
  let word = block + 1u + 2u * (at % 4u);
  let scale = bitcast<f32>(weight[block]);
  return vec8(vec4<f32>(unpack4xI8(weight[word])) * scale, vec4<f32>(unpack4xI8(weight[word + 1u])) * scale);
}
