// Weight format f16 where rows are whole vectors: eight neighbours in a load of 16 bytes.

alias WeightWord = vec4<u32>;
fn weightRow(row: u32, k: u32) -> u32 { return row * (k / 8u); }
fn weightVec8(start: u32, at: u32) -> Vec8 { return ofHalves(weight[start + at]); }
