// Weight format bf16 where rows are whole vectors: eight neighbours in a load of 16 bytes.

alias WeightWord = vec4<u32>;
fn weightRow(row: u32, k: u32) -> u32 { return row * (k / 8u); }
fn weightVec8(start: u32, at: u32) -> Vec8 {
  let word = weight[start + at];
  let even = bitcast<vec4<f32>>(word << vec4<u32>(16u));
  let odd = bitcast<vec4<f32>>(word & vec4<u32>(0xffff0000u));
  return vec8Short(vec4<f32>(even.x, odd.x, even.y, odd.y), vec4<f32>(even.z, odd.z, even.w, odd.w));
}
