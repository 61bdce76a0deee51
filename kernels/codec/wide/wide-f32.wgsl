// Weight format f32 where rows are whole vectors: eight neighbours in two loads of 16 bytes.

alias WeightWord = vec4<f32>;
fn weightRow(row: u32, k: u32) -> u32 { return row * (k / 4u); }
fn weightVec8(start: u32, at: u32) -> Vec8 { return vec8(weight[start + 2u * at], weight[start + 2u * at + 1u]); }
