// Weight format q8: blocks of 32 neighbours of a row in 9 words, 9 bits a weight. Word 0 is the scale, an f32; each
// of the others has four signed 8-bit codes, lowest bits first.  weight = code * scale

alias WeightWord = u32;
fn weightRow(row: u32, k: u32) -> u32 { return row * 9u * ((k + 31u) / 32u); }
fn weightFour(start: u32, four: u32) -> vec4<f32> {
  let block = start + 9u * (four / 8u);
  let codes = vec4<u32>(weight[block + 1u + four % 8u]) << vec4<u32>(24u, 16u, 8u, 0u);
  return vec4<f32>(bitcast<vec4<i32>>(codes) >> vec4<u32>(24u)) * bitcast<f32>(weight[block]);
}
