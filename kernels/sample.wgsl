// Draws an index from softmax(x / temperature), cut one after the other to the topK most probable ones, to the most probable
// of these that together reach topP (the nucleus, Holtzman et al. 2020), and to those of at least minP times the largest
// probability. Values equal to the least that is kept are kept. `random` in [0, 1) decides.
//
//   x      [n]
//   token  [1]
//
// One workgroup. The cut is found by bisection on the bits of the weights exp((x - max) / temperature) in (0, 1]:
// positive floats order as their bits do. Each lane then walks one stretch of neighbours, so that the draw runs in the
// order of indices and the same random number gives the same token.

// topK 0: all.
struct Params { n: u32, inverseTemperature: f32, topK: u32, topP: f32, minP: f32, random: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> token: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

const WG = 256u;
const ONE = 0x3f800000u;
var<workgroup> partial: array<f32, WG>;
var<workgroup> largest: f32;

fn weight(i: u32) -> f32 { return exp((x[i] - largest) * params.inverseTemperature); }

fn total(value: f32, lane: u32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  for (var step = WG / 2u; step > 0u; step /= 2u) {
    if (lane < step) { partial[lane] += partial[lane + step]; }
    workgroupBarrier();
  }
  let sum = partial[0];
  workgroupBarrier();
  return sum;
}

// Mass of the weights whose bits are at least `cut`.
fn massFrom(cut: u32, lane: u32) -> f32 {
  var mass = 0.0;
  for (var i = lane; i < params.n; i += WG) {
    let w = weight(i);
    if (bitcast<u32>(w) >= cut) { mass += w; }
  }
  return total(mass, lane);
}

// Number of the weights whose bits are at least `cut`; exact, as f32 counts to 2^24.
fn countFrom(cut: u32, lane: u32) -> f32 {
  var count = 0.0;
  for (var i = lane; i < params.n; i += WG) {
    if (bitcast<u32>(weight(i)) >= cut) { count += 1.0; }
  }
  return total(count, lane);
}

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  var high = x[0];
  for (var i = lane; i < params.n; i += WG) { high = max(high, x[i]); }
  partial[lane] = high;
  workgroupBarrier();
  for (var step = WG / 2u; step > 0u; step /= 2u) {
    if (lane < step) { partial[lane] = max(partial[lane], partial[lane + step]); }
    workgroupBarrier();
  }
  if (lane == 0u) { largest = partial[0]; }
  workgroupBarrier();

  // The highest cut that still leaves topK weights: it lies in [below, above).
  var below = 0u;
  var above = ONE + 1u;
  if (params.topK > 0u) {
    let kept = f32(min(params.topK, params.n));
    for (var i = 0u; i < 31u; i++) {
      let middle = below + (above - below) / 2u;
      let enough = countFrom(middle, lane) >= kept;
      below = select(below, middle, enough);
      above = select(middle, above, enough);
    }
  }

  // The highest cut whose mass still reaches topP of what is left.
  let wanted = params.topP * massFrom(below, lane);
  above = ONE + 1u;
  for (var i = 0u; i < 31u; i++) {
    let middle = below + (above - below) / 2u;
    let reaches = massFrom(middle, lane) >= wanted;
    below = select(below, middle, reaches);
    above = select(middle, above, reaches);
  }
  // The largest weight is 1.
  let cut = max(below, bitcast<u32>(params.minP));

  let stretch = (params.n + WG - 1u) / WG;
  let first = min(lane * stretch, params.n);
  let end = min(first + stretch, params.n);
  var mass = 0.0;
  for (var i = first; i < end; i++) {
    let w = weight(i);
    if (bitcast<u32>(w) >= cut) { mass += w; }
  }
  partial[lane] = mass;
  workgroupBarrier();

  var before = 0.0;
  for (var i = 0u; i < lane; i++) { before += partial[i]; }
  var all = before;
  for (var i = lane; i < WG; i++) { all += partial[i]; }
  let aim = params.random * all;
  // Exactly one lane holds the target: the sums before neighbours meet, and the last lane with mass takes the rest.
  var last = true;
  for (var i = lane + 1u; i < WG; i++) { last = last && partial[i] == 0.0; }
  if (mass == 0.0 || aim < before || (aim >= before + mass && !last)) { return; }
  var reached = before;
  for (var i = first; i < end; i++) {
    let w = weight(i);
    if (bitcast<u32>(w) < cut) { continue; }
    reached += w;
    token[0] = i;
    if (reached > aim) { return; }
  }
}
