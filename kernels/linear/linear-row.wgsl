// with linear-scalar.wgsl
// Linear layer on few rows, as in decoding:  y[r, n] = sum_k x[r, k] * weight[n, k] (+ bias[n]) (+ residual[r % period, n])
//
//   operands as in linear.wgsl
//
// One workgroup per row of x and 8 rows of weight: 8 threads share an output and walk its weights side by side, so
// that each weight is read once, in order. f32 sums.

const LANES = 8u;
var<workgroup> partial: array<f32, 64>;

// This lane's share of a product, added up over the lanes in the first of them.
fn product(row: u32, n: u32, thread: u32) -> f32 {
  let lane = thread % LANES;
  var sum = 0.0;
  if (n < params.n) {
    let xRow = row * params.k;
    let wRow = weightRow(n, params.k);
    let fours = params.k / 4u;
    for (var four = lane; four < fours; four += LANES) {
      let at = xRow + 4u * four;
      let a = vec4<f32>(f32(x[at]), f32(x[at + 1u]), f32(x[at + 2u]), f32(x[at + 3u]));
      sum += dot(a, weightFour(wRow, four));
    }
    if (lane < params.k % 4u) { sum += f32(x[xRow + 4u * fours + lane]) * weightFour(wRow, fours)[lane]; }
  }
  partial[thread] = sum;
  workgroupBarrier();
  var all = 0.0;
  if (lane == 0u) { for (var i = 0u; i < LANES; i++) { all += partial[thread + i]; } }
  workgroupBarrier();
  return all;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let n = group.x * 8u + thread / LANES;
  var value = product(group.y, n, thread);
  if (GATED) { value = gated(value, product(group.y, n + outputs(), thread)); }
  if (thread % LANES == 0u && n < outputs()) { store(group.y, n, value); }
}
