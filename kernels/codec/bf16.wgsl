// Weight format bf16, the upper half of an f32: four neighbours of a row in one word, lowest bits first. Rows are padded
// with zeros to whole words. Exact.

alias WeightWord = vec2<u32>;
fn weightRow(row: u32, k: u32) -> u32 { return row * ((k + 3u) / 4u); }
fn weightFour(start: u32, four: u32) -> vec4<f32> {
  let word = weight[start + four].xxyy;
  return bitcast<vec4<f32>>(vec4<u32>(word.x << 16u, word.y & 0xffff0000u, word.z << 16u, word.w & 0xffff0000u));
}
