// Weight format f16: two neighbours of a row in one word. Needs no `shader-f16`, and is exact.

alias WeightPair = u32;
fn decodePair(pair: WeightPair) -> vec2<f32> { return unpack2x16float(pair); }
