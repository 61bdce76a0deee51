// with pack-shared.wgsl
// Packs rows of weights as q4 (codec/q4.wgsl): of several ranges of codes, a little within the range of the block, the one
// with the least square error.
//
// One thread per block.

@group(0) @binding(0) var<storage, read_write> packed: array<u32>;

const WORDS = 5u;
const RANGES = 9u;

// Beyond a row's end its last weight repeats, which no range depends on.
fn value(start: u32, i: u32) -> f32 { return element(start + min(i, params.k - 1u)); }

fn bf16(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  return bitcast<f32>((bits + 0x7fffu + ((bits >> 16u) & 1u)) & 0xffff0000u);
}

fn code(x: f32, scale: f32, least: f32) -> f32 {
  return select(0.0, clamp(round((x - least) / scale), 0.0, 15.0), scale > 0.0);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let blocks = (params.k + 31u) / 32u;
  if (id.x >= blocks) { return; }
  let start = id.y * params.k;
  let to = WORDS * ((params.first + id.y) * blocks + id.x);
  var block: array<f32, 32>;
  var low = value(start, 32u * id.x);
  var high = low;
  var bad = 0u;
  for (var i = 0u; i < 32u; i++) {
    let one = value(start, 32u * id.x + i);
    if ((bitcast<u32>(one) & 0x7f800000u) == 0x7f800000u) { bad += 1u; }
    block[i] = one;
    low = min(low, one);
    high = max(high, one);
  }
  var scale = 0.0;
  var least = bf16(low);
  var best = 3.4e38;
  for (var range = 0u; range < RANGES; range++) {
    let cut = 0.02 * f32(range) * (high - low);
    let someLeast = bf16(low + cut);
    let someScale = bf16(max(0.0, high - cut - someLeast) / 15.0);
    var error = 0.0;
    for (var i = 0u; i < 32u; i++) {
      let off = code(block[i], someScale, someLeast) * someScale + someLeast - block[i];
      error += off * off;
    }
    if (error < best) {
      best = error;
      scale = someScale;
      least = someLeast;
    }
  }
  packed[to] = (bitcast<u32>(scale) >> 16u) | (bitcast<u32>(least) & 0xffff0000u);
  for (var word = 0u; word < 4u; word++) {
    var codes = 0u;
    for (var i = 0u; i < 8u; i++) { codes |= u32(code(block[8u * word + i], scale, least)) << (4u * i); }
    packed[to + 1u + word] = codes;
  }
  countMisfits(bad);
}
