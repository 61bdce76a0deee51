// with linear-vec8.wgsl
// Linear layer on few rows, as in decoding, for GPUs. What it computes and its operands: linear.wgsl.
//
// One workgroup per row of x and four times COLUMNS rows of weight. 32 lanes walk their rows side by side, 512 bytes of a row
// in 16 bits at once; each has two vectors of all its columns under way.

override COLUMNS: u32 = 4;  // of 32 lanes: 4, or 1 where y is narrow; GATED, 4 are two gates and what they let through

const LANES = 32u;
const WG = 128u;
var<workgroup> partial: array<vec4<f32>, WG>;

struct Activations { first: Vec8, second: Vec8 }

// Two vectors more of one row of the weight.
fn more(sum: f32, a: Activations, start: u32, first: u32, second: u32) -> f32 {
  return dot16(sum, a.first, weightVec8(start, first), a.second, weightVec8(start, second));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let lane = thread % LANES;
  let made = select(COLUMNS, COLUMNS / 2u, GATED);
  let n0 = (group.x * (WG / LANES) + thread / LANES) * made;
  let vectors = params.k / 8u;
  let xStart = group.y * vectors;
  var rows = n0 + vec4<u32>(0u, 1u, 2u, 3u);
  if (GATED) { rows = n0 + vec4<u32>(0u, 1u, outputs(), outputs() + 1u); }
  rows = min(rows, vec4<u32>(params.n - 1u));
  let start0 = weightRow(rows.x, params.k);
  let start1 = weightRow(rows.y, params.k);
  let start2 = weightRow(rows.z, params.k);
  let start3 = weightRow(rows.w, params.k);
  var sums = vec4<f32>();
  for (var v = lane; v < vectors; v += 2u * LANES) {
    let next = min(v + LANES, vectors - 1u);
    var a = Activations(x[xStart + v], x[xStart + next]);
    if (v + LANES >= vectors) { a.second = Vec8(); }
    sums.x = more(sums.x, a, start0, v, next);
    if (COLUMNS > 1u) {
      sums.y = more(sums.y, a, start1, v, next);
      sums.z = more(sums.z, a, start2, v, next);
      sums.w = more(sums.w, a, start3, v, next);
    }
  }
  partial[thread] = sums;
  workgroupBarrier();

  if (lane >= made || n0 + lane >= outputs()) { return; }
  let first = thread - lane;
  var all = vec4<f32>();
  for (var i = 0u; i < LANES; i++) { all += partial[first + i]; }
  if (GATED) {
    store(group.y, n0 + lane, gated(all[lane], all[lane + 2u]));
  } else {
    store(group.y, n0 + lane, all[lane]);
  }
}
