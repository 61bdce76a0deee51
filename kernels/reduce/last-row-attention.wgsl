// Attention weights of the last query rows:  weights[n, h] = softmax(q[last - n, h] k[: keys - n, h / group]^T * scale)
//
//   q        [rows, heads * HEAD_DIM]
//   k        [keys, kvHeads * HEAD_DIM]
//   weights  [last rows, heads, keys]    f32, 0 for keys after the row's own
//
// One workgroup per head and row; its weights serve as scratch for the scores. f32 throughout.
// What a lane takes of a key at a time: lane/.

alias computeDtype = f32;
alias out = computeDtype;
override HEAD_DIM: u32;
struct Params { rows: u32, keys: u32, heads: u32, group: u32, scale: f32 }

@group(0) @binding(0) var<storage, read> q: array<In>;
@group(0) @binding(1) var<storage, read> k: array<In>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

const WG = 128u;
var<workgroup> query: array<Numbers, HEAD_DIM / WIDTH>;
var<workgroup> partial: array<f32, WG>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let head = group.x;
  let visible = params.keys - group.y;
  let kvHead = head / params.group;
  let width = HEAD_DIM / WIDTH;
  let kvDim = params.heads / params.group * width;
  let start = (group.y * params.heads + head) * params.keys;
  for (var c = lane; c < width; c += WG) {
    query[c] = numbers(q[((params.rows - 1u - group.y) * params.heads + head) * width + c]) * params.scale;
  }
  workgroupBarrier();

  var highest = -1e30;
  for (var key = lane; key < visible; key += WG) {
    var score = 0.0;
    for (var c = 0u; c < width; c++) { score += dotOf(query[c], numbers(k[key * kvDim + kvHead * width + c])); }
    weights[start + key] = score;
    highest = max(highest, score);
  }
  partial[lane] = highest;
  workgroupBarrier();
  for (var step = WG / 2u; step > 0u; step /= 2u) {
    if (lane < step) { partial[lane] = max(partial[lane], partial[lane + step]); }
    workgroupBarrier();
  }
  highest = partial[0];
  workgroupBarrier();

  var sum = 0.0;
  for (var key = lane; key < visible; key += WG) {
    let weight = exp(weights[start + key] - highest);
    weights[start + key] = weight;
    sum += weight;
  }
  partial[lane] = sum;
  workgroupBarrier();
  for (var step = WG / 2u; step > 0u; step /= 2u) {
    if (lane < step) { partial[lane] += partial[lane + step]; }
    workgroupBarrier();
  }
  for (var key = lane; key < visible; key += WG) { weights[start + key] /= partial[0]; }
  for (var key = visible + lane; key < params.keys; key += WG) { weights[start + key] = 0.0; }
}
