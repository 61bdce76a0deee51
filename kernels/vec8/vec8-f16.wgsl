// Eight neighbouring numbers of a row in f16, 16 bytes: what a lane of a GPU loads, shares and multiplies at a time.

alias Vec8 = vec4<u32>;
const DEPTH = 4u;  // vectors of k in a tile of workgroup memory
const PITCH = 5u;  // one more: rows that are read together lie in different banks
fn vec8(low: vec4<f32>, high: vec4<f32>) -> Vec8 {
  return vec4<u32>(bitcast<vec2<u32>>(vec4<f16>(low)), bitcast<vec2<u32>>(vec4<f16>(high)));
}
// Of numbers of eight bits each, which f16 holds but for its range: no rounding, so any will do.
fn vec8Short(low: vec4<f32>, high: vec4<f32>) -> Vec8 {
  return vec4<u32>(pack2x16float(low.xy), pack2x16float(low.zw), pack2x16float(high.xy), pack2x16float(high.zw));
}
fn ofHalves(words: vec4<u32>) -> Vec8 { return words; }
fn low(x: Vec8) -> vec4<f32> { return vec4<f32>(bitcast<vec4<f16>>(x.xy)); }
fn high(x: Vec8) -> vec4<f32> { return vec4<f32>(bitcast<vec4<f16>>(x.zw)); }

// The sum and 16 products more: two at a time in one register, of numbers with even and with odd places, eight of each in
// a chain before they go into f32. So neither rounding nor f16's end at 65504 gets far.
fn dot16(sum: f32, a0: Vec8, b0: Vec8, a1: Vec8, b1: Vec8) -> f32 {
  let partial = chain(a1, b1, chain(a0, b0, vec2<f16>()));
  return sum + f32(partial.x) + f32(partial.y);
}

fn chain(a: Vec8, b: Vec8, sum: vec2<f16>) -> vec2<f16> {
  var result = fma(bitcast<vec2<f16>>(a.x), bitcast<vec2<f16>>(b.x), sum);
  result = fma(bitcast<vec2<f16>>(a.y), bitcast<vec2<f16>>(b.y), result);
  result = fma(bitcast<vec2<f16>>(a.z), bitcast<vec2<f16>>(b.z), result);
  return fma(bitcast<vec2<f16>>(a.w), bitcast<vec2<f16>>(b.w), result);
}
