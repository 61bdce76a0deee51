// Weight format q4 (codec/q4.wgsl) where rows are whole vectors: eight neighbours are one word of a block and its head.

alias WeightWord = u32;
fn weightRow(row: u32, k: u32) -> u32 { return row * 5u * ((k + 31u) / 32u); }
fn weightVec8(start: u32, at: u32) -> Vec8 {
  let block = start + 5u * (at / 4u);
  let head = weight[block];
  let scale = bitcast<f32>(head << 16u);
  let least = bitcast<f32>(head & 0xffff0000u);
  let word = weight[block + 1u + at % 4u];
  let even = unpack4xU8(word & 0x0f0f0f0fu);
  let odd = unpack4xU8((word >> 4u) & 0x0f0f0f0fu);
  let low = vec4<f32>(vec4<u32>(even.x, odd.x, even.y, odd.y));
  let high = vec4<f32>(vec4<u32>(even.z, odd.z, even.w, odd.w));
  return vec8(low * scale + least, high * scale + least);
}
