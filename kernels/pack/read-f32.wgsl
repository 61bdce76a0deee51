// Reads an element of `source`: f32.

fn element(i: u32) -> f32 { return bitcast<f32>(source[i]); }
