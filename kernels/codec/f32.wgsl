// Weight format f32: two neighbours of a row as they are.

alias WeightPair = vec2<f32>;
fn decodePair(pair: WeightPair) -> vec2<f32> { return pair; }
