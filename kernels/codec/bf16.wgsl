// Weight format bf16, the upper half of an f32: two neighbours of a row in one word, low half first. Exact.

alias WeightPair = u32;
fn decodePair(pair: WeightPair) -> vec2<f32> {
  return vec2<f32>(bitcast<f32>(pair << 16u), bitcast<f32>(pair & 0xffff0000u));
}
