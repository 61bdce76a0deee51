// Attention that each key receives, the mean over heads and the first queries of its segment:
//
//   received[key] = mean over h and r of exp(q[r, h] k[key, h] * scale - sums[r, h])
//
//   q, k      as for attention-sums.wgsl
//   sums      [segments * tokens, heads]   f32
//   received  [segments * tokens]          f32
//
// One workgroup per key; lanes share the queries of every head. f32 throughout. What a lane takes of
// a query at a time: lane/; strides and columns are counted so.

alias computeDtype = f32;
alias out = computeDtype;
override HEAD_DIM: u32;
struct Params {
  tokens: u32, heads: u32, queries: u32, qStride: u32, qColumn: u32, kStride: u32, kColumn: u32, scale: f32
}

@group(0) @binding(0) var<storage, read> q: array<In>;
@group(0) @binding(1) var<storage, read> k: array<In>;
@group(0) @binding(2) var<storage, read> sums: array<f32>;
@group(0) @binding(3) var<storage, read_write> received: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

const WG = 64u;
var<workgroup> key: array<Numbers, HEAD_DIM / WIDTH>;
var<workgroup> partial: array<f32, WG>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let first = row / params.tokens * params.tokens;
  let width = HEAD_DIM / WIDTH;
  var total = 0.0;
  for (var head = 0u; head < params.heads; head++) {
    workgroupBarrier();
    for (var c = lane; c < width; c += WG) {
      key[c] = numbers(k[row * params.kStride + params.kColumn + head * width + c]) * params.scale;
    }
    workgroupBarrier();
    for (var query = lane; query < params.queries; query += WG) {
      let at = (first + query) * params.qStride + params.qColumn + head * width;
      var score = 0.0;
      for (var c = 0u; c < width; c++) { score += dotOf(key[c], numbers(q[at + c])); }
      total += exp(score - sums[(first + query) * params.heads + head]);
    }
  }
  partial[lane] = total;
  workgroupBarrier();
  if (lane != 0u) { return; }
  for (var i = 1u; i < WG; i++) { total += partial[i]; }
  received[row] = total / f32(params.heads * params.queries);
}
