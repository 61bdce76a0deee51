// Eight neighbouring numbers of a row in f32, twice 16 bytes: what a lane of a GPU loads, shares and multiplies at a time.

const DEPTH = 2u;  // vectors of k in a tile of workgroup memory
const PITCH = 3u;
struct Vec8 { low: vec4<f32>, high: vec4<f32> }
fn vec8(low: vec4<f32>, high: vec4<f32>) -> Vec8 { return Vec8(low, high); }
fn vec8Short(low: vec4<f32>, high: vec4<f32>) -> Vec8 { return vec8(low, high); }
fn ofHalves(words: vec4<u32>) -> Vec8 {
  return Vec8(
    vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y)), vec4<f32>(unpack2x16float(words.z), unpack2x16float(words.w)),
  );
}
fn low(x: Vec8) -> vec4<f32> { return x.low; }
fn high(x: Vec8) -> vec4<f32> { return x.high; }

// The sum and 16 products more.
fn dot16(sum: f32, a0: Vec8, b0: Vec8, a1: Vec8, b1: Vec8) -> f32 {
  return four(a1.high, b1.high, four(a1.low, b1.low, four(a0.high, b0.high, four(a0.low, b0.low, sum))));
}

fn four(a: vec4<f32>, b: vec4<f32>, sum: f32) -> f32 { return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum)))); }
