// Weight format q4: blocks of 32 neighbours of a row in 5 words, 5 bits a weight. Word 0 has the scale in its lower and
// the least weight in its upper half, both bf16; each of the others has eight 4-bit codes, lowest bits first.
//   weight = code * scale + least

alias WeightWord = u32;
fn weightRow(row: u32, k: u32) -> u32 { return row * 5u * ((k + 31u) / 32u); }
fn weightFour(start: u32, four: u32) -> vec4<f32> {
  let block = start + 5u * (four / 8u);
  let head = weight[block];
  let half = weight[block + 1u + four % 8u / 2u] >> (16u * (four % 2u));
  let codes = (vec4<u32>(half) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u);
  return vec4<f32>(codes) * bitcast<f32>(head << 16u) + bitcast<f32>(head & 0xffff0000u);
}
