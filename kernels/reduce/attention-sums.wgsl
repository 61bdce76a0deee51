// What softmax divides by, for each query row and head:  sums[r, h] = log(sum over keys of exp(q[r, h] k[key, h] * scale))
//
//   q     [segments * tokens, qStride]   head h at column qColumn + h * HEAD_DIM
//   k     [segments * tokens, kStride]   head h at column kColumn + h * HEAD_DIM
//   sums  [segments * tokens, heads]     f32
//
// Each segment attends to itself. One workgroup per row and head. f32 throughout. What a lane takes of
// a key at a time: lane/; strides and columns are counted so.

alias computeDtype = f32;
alias out = computeDtype;
override HEAD_DIM: u32;
struct Params { tokens: u32, heads: u32, qStride: u32, qColumn: u32, kStride: u32, kColumn: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<In>;
@group(0) @binding(1) var<storage, read> k: array<In>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

const WG = 64u;
var<workgroup> query: array<Numbers, HEAD_DIM / WIDTH>;
var<workgroup> partial: array<vec2<f32>, WG>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let head = group.y;
  let first = row / params.tokens * params.tokens;
  let width = HEAD_DIM / WIDTH;
  for (var c = lane; c < width; c += WG) {
    query[c] = numbers(q[row * params.qStride + params.qColumn + head * width + c]) * params.scale;
  }
  workgroupBarrier();
  // The largest score so far, and the sum of exponentials relative to it.
  var running = vec2<f32>(-1e30, 0.0);
  for (var key = lane; key < params.tokens; key += WG) {
    let at = (first + key) * params.kStride + params.kColumn + head * width;
    var score = 0.0;
    for (var c = 0u; c < width; c++) { score += dotOf(query[c], numbers(k[at + c])); }
    let highest = max(running.x, score);
    running = vec2<f32>(highest, running.y * exp(running.x - highest) + exp(score - highest));
  }
  partial[lane] = running;
  workgroupBarrier();
  if (lane != 0u) { return; }
  for (var i = 1u; i < WG; i++) {
    let highest = max(running.x, partial[i].x);
    running = vec2<f32>(highest, running.y * exp(running.x - highest) + partial[i].y * exp(partial[i].x - highest));
  }
  sums[row * params.heads + head] = running.x + log(running.y);
}
