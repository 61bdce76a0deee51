// Reads an element of `source`: f16, two in a word, lowest bits first.

fn element(i: u32) -> f32 { return unpack2x16float(source[i / 2u])[i % 2u]; }
