// with attention-shared.wgsl
// Attention of one query row, as in decoding:  y = softmax(q k^T * scale) v   per head; operands as in attention.wgsl
//
// One workgroup per head, or per head and `rows` keys of it, where a GPU has more cores than the model heads. Keys pass in
// tiles of 64, each lane scoring one of them. Then each lane owns every 64th column of y. Running maximum and sum, all in f32.
//
// A head whose keys are split is PARTIAL: y is [heads, parts, HEAD_DIM + 2], sums that nothing has divided, the
// maximum and the total, for attention-join.wgsl.

alias Element = computeDtype;
alias out = f32;
override HEAD_DIM: u32;
override PARTIAL: bool = false;

const WG = 64u;
var<workgroup> query: array<f32, HEAD_DIM>;
var<workgroup> weights: array<f32, WG>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) counts: vec3<u32>,
  @builtin(local_invocation_index) lane: u32
) {
  let head = group.x;
  let start = group.y * params.rows;
  let end = min(params.keys, start + params.rows);
  let kHead = params.kColumn + head / params.group * HEAD_DIM;
  let vHead = params.vColumn + head / params.group * HEAD_DIM;
  for (var c = lane; c < HEAD_DIM; c += WG) {
    query[c] = f32(q[params.qColumn + head * HEAD_DIM + c]) * params.scale;
  }
  workgroupBarrier();

  var sums = vec2<f32>();  // columns lane and lane + 64; HEAD_DIM is at most 128
  var highest = MASKED;
  var total = 0.0;
  for (var key0 = start; key0 < end; key0 += WG) {
    let key = key0 + lane;
    var score = MASKED;
    if (key < end) {
      score = 0.0;
      for (var c = 0u; c < HEAD_DIM; c++) { score += query[c] * f32(k[key * params.kStride + kHead + c]); }
    }
    weights[lane] = score;
    workgroupBarrier();
    var higher = highest;
    for (var j = 0u; j < WG; j++) { higher = max(higher, weights[j]); }
    workgroupBarrier();
    weights[lane] = exp(score - higher);
    workgroupBarrier();
    let shrink = exp(highest - higher);
    highest = higher;
    total *= shrink;
    sums *= shrink;
    let count = min(WG, end - key0);
    for (var j = 0u; j < count; j++) {
      let at = (key0 + j) * params.vStride + vHead + lane;
      total += weights[j];
      if (lane < HEAD_DIM) { sums.x += weights[j] * f32(v[at]); }
      if (lane + WG < HEAD_DIM) { sums.y += weights[j] * f32(v[at + WG]); }
    }
    workgroupBarrier();
  }
  let width = HEAD_DIM + select(0u, 2u, PARTIAL);
  let at = (head * counts.y + group.y) * width;
  let divisor = select(total, 1.0, PARTIAL);
  if (lane < HEAD_DIM) { y[at + lane] = out(sums.x / divisor); }
  if (lane + WG < HEAD_DIM) { y[at + lane + WG] = out(sums.y / divisor); }
  if (PARTIAL && lane == 0u) {
    y[at + HEAD_DIM] = out(highest);
    y[at + HEAD_DIM + 1u] = out(total);
  }
}
