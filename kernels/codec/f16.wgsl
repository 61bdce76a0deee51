// Weight format f16: four neighbours of a row in one word, lowest bits first. Rows are padded with zeros to whole words.
// Needs no `shader-f16`, and is exact.

alias WeightWord = vec2<u32>;
fn weightRow(row: u32, k: u32) -> u32 { return row * ((k + 3u) / 4u); }
fn weightFour(start: u32, four: u32) -> vec4<f32> {
  let word = weight[start + four];
  return vec4<f32>(unpack2x16float(word.x), unpack2x16float(word.y));
}
