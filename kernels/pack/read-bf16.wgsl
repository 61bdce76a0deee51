// Reads an element of `source`: bf16, two in a word, lowest bits first.

fn element(i: u32) -> f32 { return bitcast<f32>((source[i / 2u] >> (16u * (i % 2u))) << 16u); }
