// Splits fused query, key and value rows and rotates queries and keys by their positions (half rotation):
//   a' = a cos - b sin,  b' = b cos + a sin   with a = x[i], b = x[i + HEAD_DIM / 2], angle = position * frequency[i]
//
//   qkv       [rows, (heads + 2 kvHeads) * HEAD_DIM]  queries, keys, values; GROUPED: those of each key head together
//   position  [rows]                                  original positions: they survive reduction
//   rotary    [positions, HEAD_DIM / 2]               (cos, sin), made on the host
//   norm      [2, HEAD_DIM]                           NORMED: gains of an RMS norm of each query head and each key head,
//                                                     before they rotate
//   q         [rows, heads * HEAD_DIM]
//   k, v      [capacity, kvHeads * HEAD_DIM]          rows offset .. offset + rows are written
//
// A workgroup takes as many heads of a row as its threads make pairs of; a thread rotates a pair, or eight (lane/).

alias computeDtype = f32;
alias out = computeDtype;
override HEAD_DIM: u32;
override GROUPED: bool;
override NORMED: bool;
override HEADS: u32;  // of a workgroup; divides its threads
struct Params { heads: u32, kvHeads: u32, offset: u32, eps: f32 }

@group(0) @binding(0) var<storage, read> qkv: array<In>;
@group(0) @binding(1) var<storage, read> position: array<u32>;
@group(0) @binding(2) var<storage, read> rotary: array<Pairs>;
@group(0) @binding(3) var<storage, read> norm: array<Numbers>;
@group(0) @binding(4) var<storage, read_write> q: array<Out>;
@group(0) @binding(5) var<storage, read_write> k: array<Out>;
@group(0) @binding(6) var<storage, read_write> v: array<Out>;
@group(0) @binding(7) var<uniform> params: Params;

var<workgroup> partial: array<f32, TEAM>;

// Where a head would be if all queries came first, then all keys, then all values.
fn place(head: u32) -> u32 {
  if (!GROUPED) { return head; }
  let queries = params.heads / params.kvHeads;
  let group = head / (queries + 2u);
  let slot = head % (queries + 2u);
  if (slot < queries) { return group * queries + slot; }
  return params.heads + (slot - queries) * params.kvHeads + group;
}

// 1 / sqrt(mean(x^2) + eps) of the head that starts at `start`, by `team` threads, in f32 whatever the dtype.
fn scaleOf(start: u32, thread: u32, team: u32) -> f32 {
  var squares = 0.0;
  for (var i = thread % team; i < HEAD_DIM / WIDTH; i += team) {
    let value = numbers(qkv[start + i]);
    squares += dotOf(value, value);
  }
  partial[thread] = squares;
  workgroupBarrier();
  squares = 0.0;
  for (var i = 0u; i < team; i++) { squares += partial[thread / team * team + i]; }
  return 1.0 / sqrt(squares / f32(HEAD_DIM) + params.eps);
}

@compute @workgroup_size(TEAM)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let half = HEAD_DIM / 2u / WIDTH;
  let width = 2u * half;
  let team = TEAM / HEADS;
  let heads = params.heads + 2u * params.kvHeads;
  let row = group.y;
  let own = group.x * HEADS + thread / team;
  let start = (row * heads + min(own, heads - 1u)) * width;
  var scale = 1.0;
  if (NORMED) { scale = scaleOf(start, thread, team); }
  if (own >= heads) { return; }
  let head = place(own);
  let isQuery = head < params.heads;
  let isKey = !isQuery && head < params.heads + params.kvHeads;
  let gains = select(0u, width, isKey);
  let cacheRow = (params.offset + row) * params.kvHeads;
  for (var begin = 0u; begin < half; begin += team) {  // uniform, so that drivers unroll it
    let i = begin + thread % team;
    if (i >= half) { break; }
    let first = numbers(qkv[start + i]);
    let second = numbers(qkv[start + half + i]);
    var a = first;
    var b = second;
    if (NORMED) {
      a = times(a, scale * norm[gains + i]);
      b = times(b, scale * norm[gains + half + i]);
    }
    let cosSin = rotary[position[row] * half + i];
    let low = stored(times(a, firsts(cosSin)) - times(b, seconds(cosSin)));
    let high = stored(times(b, firsts(cosSin)) + times(a, seconds(cosSin)));
    if (isQuery) {
      let to = (row * params.heads + head) * width + i;
      q[to] = low;
      q[to + half] = high;
    } else if (isKey) {
      let to = (cacheRow + head - params.heads) * width + i;
      k[to] = low;
      k[to + half] = high;
    } else {
      let to = (cacheRow + head - params.heads - params.kvHeads) * width + i;
      v[to] = stored(first);
      v[to + half] = stored(second);
    }
  }
}
