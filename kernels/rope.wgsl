// Splits fused query, key and value rows and rotates queries and keys by their positions (half rotation):
//   a' = a cos - b sin,  b' = b cos + a sin   with a = x[i], b = x[i + HEAD_DIM / 2], angle = position * frequency[i]
//
//   qkv       [rows, (heads + 2 kvHeads) * HEAD_DIM]  queries, keys, values; GROUPED: those of each key head together
//   position  [rows]                                  original positions: they survive reduction
//   rotation  [positions, HEAD_DIM / 2]               (cos, sin), made on the host
//   q         [rows, heads * HEAD_DIM]
//   k, v      [capacity, kvHeads * HEAD_DIM]          rows offset .. offset + rows are written
//
// One thread per pair of elements.

alias act = f32;
override HEAD_DIM: u32;
override GROUPED: bool;
struct Params { heads: u32, kvHeads: u32, offset: u32 }

@group(0) @binding(0) var<storage, read> qkv: array<act>;
@group(0) @binding(1) var<storage, read> position: array<u32>;
@group(0) @binding(2) var<storage, read> rotation: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> q: array<act>;
@group(0) @binding(4) var<storage, read_write> k: array<act>;
@group(0) @binding(5) var<storage, read_write> v: array<act>;
@group(0) @binding(6) var<uniform> params: Params;

// Where a head would be if all queries came first, then all keys, then all values.
fn place(head: u32) -> u32 {
  if (!GROUPED) { return head; }
  let queries = params.heads / params.kvHeads;
  let group = head / (queries + 2u);
  let slot = head % (queries + 2u);
  if (slot < queries) { return group * queries + slot; }
  return params.heads + (slot - queries) * params.kvHeads + group;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let half = HEAD_DIM / 2u;
  let stored = id.x / half;
  let i = id.x % half;
  let heads = params.heads + 2u * params.kvHeads;
  if (stored >= heads) { return; }
  let row = id.y;
  let at = (row * heads + stored) * HEAD_DIM + i;
  let head = place(stored);
  let a = f32(qkv[at]);
  let b = f32(qkv[at + half]);
  let turn = rotation[position[row] * half + i];
  let turned = vec2<f32>(a * turn.x - b * turn.y, b * turn.x + a * turn.y);
  let cacheRow = (params.offset + row) * params.kvHeads;
  if (head < params.heads) {
    let to = (row * params.heads + head) * HEAD_DIM + i;
    q[to] = act(turned.x);
    q[to + half] = act(turned.y);
  } else if (head < params.heads + params.kvHeads) {
    let to = (cacheRow + head - params.heads) * HEAD_DIM + i;
    k[to] = act(turned.x);
    k[to + half] = act(turned.y);
  } else {
    let to = (cacheRow + head - params.heads - params.kvHeads) * HEAD_DIM + i;
    v[to] = act(a);
    v[to + half] = act(b);
  }
}
