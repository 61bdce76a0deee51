// Linear layer on many rows, for adapters that compute on the processor. What it computes and its operands: linear.wgsl.
//
// There, workgroup memory is plain memory and a barrier costs more than it saves, and a load that differs by lane is
// many loads. So none is shared: a thread keeps 8 rows x 4 columns of y, and the four activations of a row that a step
// needs are loaded by four lanes and handed round. A subgroup must have a multiple of four lanes. f32 sums.

enable subgroups;

alias act = f32;
alias out = f32;
override HAS_BIAS: bool;
override HAS_RESIDUAL: bool;
struct Params { rows: u32, n: u32, k: u32, stride: u32, column: u32, period: u32 }

@group(0) @binding(0) var<storage, read> x: array<act>;
@group(0) @binding(1) var<storage, read> weight: array<WeightWord>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<out>;
@group(0) @binding(5) var<uniform> params: Params;

const WG = 32u;
const COLUMNS = 4u;

fn four(at: vec4<u32>) -> vec4<f32> {
  return vec4<f32>(f32(x[at.x]), f32(x[at.y]), f32(x[at.z]), f32(x[at.w]));
}

@compute @workgroup_size(32)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_invocation_id) sublane: u32,
) {
  let row0 = group.y * 8u;
  let n0 = group.x * WG * COLUMNS + lane;
  let step = vec4<u32>(0u, 1u, 2u, 3u);
  let upper = min(row0 + step, vec4<u32>(params.rows - 1u)) * params.k;
  let lower = min(row0 + 4u + step, vec4<u32>(params.rows - 1u)) * params.k;
  let n = min(n0 + step * WG, vec4<u32>(params.n - 1u));
  let wRow0 = weightRow(n.x, params.k);
  let wRow1 = weightRow(n.y, params.k);
  let wRow2 = weightRow(n.z, params.k);
  let wRow3 = weightRow(n.w, params.k);
  // By column, rows 0 .. 3 above and 4 .. 7 below. Named and not indexed: an array would live in memory.
  var above0 = vec4<f32>();
  var above1 = vec4<f32>();
  var above2 = vec4<f32>();
  var above3 = vec4<f32>();
  var below0 = vec4<f32>();
  var below1 = vec4<f32>();
  var below2 = vec4<f32>();
  var below3 = vec4<f32>();

  for (var k = 0u; k < params.k; k += 4u) {
    let mine = k + sublane % 4u;
    let inside = select(0.0, 1.0, mine < params.k);
    let a = four(upper + min(mine, params.k - 1u)) * inside;
    let b = four(lower + min(mine, params.k - 1u)) * inside;
    let w0 = weightFour(wRow0, k / 4u);
    let w1 = weightFour(wRow1, k / 4u);
    let w2 = weightFour(wRow2, k / 4u);
    let w3 = weightFour(wRow3, k / 4u);
    let a0 = subgroupBroadcast(a, 0u);
    let a1 = subgroupBroadcast(a, 1u);
    let a2 = subgroupBroadcast(a, 2u);
    let a3 = subgroupBroadcast(a, 3u);
    above0 += a0 * w0.x + a1 * w0.y + a2 * w0.z + a3 * w0.w;
    above1 += a0 * w1.x + a1 * w1.y + a2 * w1.z + a3 * w1.w;
    above2 += a0 * w2.x + a1 * w2.y + a2 * w2.z + a3 * w2.w;
    above3 += a0 * w3.x + a1 * w3.y + a2 * w3.z + a3 * w3.w;
    let b0 = subgroupBroadcast(b, 0u);
    let b1 = subgroupBroadcast(b, 1u);
    let b2 = subgroupBroadcast(b, 2u);
    let b3 = subgroupBroadcast(b, 3u);
    below0 += b0 * w0.x + b1 * w0.y + b2 * w0.z + b3 * w0.w;
    below1 += b0 * w1.x + b1 * w1.y + b2 * w1.z + b3 * w1.w;
    below2 += b0 * w2.x + b1 * w2.y + b2 * w2.z + b3 * w2.w;
    below3 += b0 * w3.x + b1 * w3.y + b2 * w3.z + b3 * w3.w;
  }

  let above = array<vec4<f32>, COLUMNS>(above0, above1, above2, above3);
  let below = array<vec4<f32>, COLUMNS>(below0, below1, below2, below3);
  for (var column = 0u; column < COLUMNS; column++) {
    let n = n0 + column * WG;
    if (n >= params.n) { break; }
    let to = params.column + n;
    for (var i = 0u; i < 8u; i++) {
      let row = row0 + i;
      if (row >= params.rows) { break; }
      var value = select(above[column][i % 4u], below[column][i % 4u], i >= 4u);
      if (HAS_BIAS) { value += bias[to]; }
      if (HAS_RESIDUAL) { value += residual[(row % params.period) * params.stride + to]; }
      y[row * params.stride + to] = out(value);
    }
  }
}
