// Splits fused query, key and value rows and rotates queries and keys by their positions (half rotation):
//   a' = a cos - b sin,  b' = b cos + a sin   with a = x[i], b = x[i + HEAD_DIM / 2], angle = position * frequency[i]
//
//   qkv       [rows, (heads + 2 kvHeads) * HEAD_DIM]  queries, keys, values; GROUPED: those of each key head together
//   position  [rows]                                  original positions: they survive reduction
//   rotation  [positions, HEAD_DIM / 2]               (cos, sin), made on the host
//   norm      [2, HEAD_DIM]                           NORMED: gains of an RMS norm of each query head and each key head,
//                                                     before they turn
//   q         [rows, heads * HEAD_DIM]
//   k, v      [capacity, kvHeads * HEAD_DIM]          rows offset .. offset + rows are written
//
// One workgroup per head of a row, one thread per pair of elements.

alias act = f32;
override HEAD_DIM: u32;
override GROUPED: bool;
override NORMED: bool;
struct Params { heads: u32, kvHeads: u32, offset: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> qkv: array<act>;
@group(0) @binding(1) var<storage, read> position: array<u32>;
@group(0) @binding(2) var<storage, read> rotation: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> norm: array<f32>;
@group(0) @binding(4) var<storage, read_write> q: array<act>;
@group(0) @binding(5) var<storage, read_write> k: array<act>;
@group(0) @binding(6) var<storage, read_write> v: array<act>;
@group(0) @binding(7) var<uniform> params: Params;

const WG = 32u;
var<workgroup> partial: array<f32, WG>;

// Where a head would be if all queries came first, then all keys, then all values.
fn place(head: u32) -> u32 {
  if (!GROUPED) { return head; }
  let queries = params.heads / params.kvHeads;
  let group = head / (queries + 2u);
  let slot = head % (queries + 2u);
  if (slot < queries) { return group * queries + slot; }
  return params.heads + (slot - queries) * params.kvHeads + group;
}

// 1 / sqrt(mean(x^2) + eps) of the head that starts at `start`, in f32 whatever the dtype.
fn scaleOf(start: u32, lane: u32) -> f32 {
  var squares = 0.0;
  for (var i = lane; i < HEAD_DIM; i += WG) {
    let value = f32(qkv[start + i]);
    squares += value * value;
  }
  partial[lane] = squares;
  workgroupBarrier();
  squares = 0.0;
  for (var i = 0u; i < WG; i++) { squares += partial[i]; }
  return 1.0 / sqrt(squares / f32(HEAD_DIM) + params.eps);
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let half = HEAD_DIM / 2u;
  let heads = params.heads + 2u * params.kvHeads;
  let row = group.y;
  let start = (row * heads + group.x) * HEAD_DIM;
  let head = place(group.x);
  let isQuery = head < params.heads;
  let isKey = !isQuery && head < params.heads + params.kvHeads;
  var scale = 1.0;
  if (NORMED) { scale = scaleOf(start, lane); }
  let gains = select(0u, HEAD_DIM, isKey);
  let cacheRow = (params.offset + row) * params.kvHeads;
  for (var i = lane; i < half; i += WG) {
    let stored = vec2<f32>(f32(qkv[start + i]), f32(qkv[start + half + i]));
    var x = stored;
    if (NORMED) { x *= scale * vec2<f32>(norm[gains + i], norm[gains + half + i]); }
    let turn = rotation[position[row] * half + i];
    let turned = vec2<f32>(x.x * turn.x - x.y * turn.y, x.y * turn.x + x.x * turn.y);
    if (isQuery) {
      let to = (row * params.heads + head) * HEAD_DIM + i;
      q[to] = act(turned.x);
      q[to + half] = act(turned.y);
    } else if (isKey) {
      let to = (cacheRow + head - params.heads) * HEAD_DIM + i;
      k[to] = act(turned.x);
      k[to + half] = act(turned.y);
    } else {
      let to = (cacheRow + head - params.heads - params.kvHeads) * HEAD_DIM + i;
      v[to] = act(stored.x);
      v[to + half] = act(stored.y);
    }
  }
}
