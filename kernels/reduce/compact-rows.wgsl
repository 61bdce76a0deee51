// Writes the surviving rows of a matrix close together, in their order. With MERGE a survivor becomes the plain mean of
// its group (FrameFusion: merge_tokens_and_get_mask, whose groups are runs)
//
//   x            [rows, dim]
//   keep, slot   [rows or more]   flags, and the new index of each survivor
//   links        [2 * rows]       the members of each group (survivors.wgsl)
//   y            [kept, dim]
//
// One workgroup per row. Sums in f32, in the order of rank.

alias act = f32;
override MERGE: bool;
struct Params { dim: u32, rows: u32 }

@group(0) @binding(0) var<storage, read> x: array<act>;
@group(0) @binding(1) var<storage, read> keep: array<u32>;
@group(0) @binding(2) var<storage, read> slot: array<u32>;
@group(0) @binding(3) var<storage, read> links: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<act>;
@group(0) @binding(5) var<uniform> params: Params;

const WG = 64u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  if (keep[row] == 0u) { return; }
  let to = slot[row] * params.dim;
  if (!MERGE) {
    for (var c = lane; c < params.dim; c += WG) { y[to + c] = x[row * params.dim + c]; }
    return;
  }
  for (var c = lane; c < params.dim; c += WG) {
    var sum = 0.0;
    var members = 1.0;
    for (var next = links[params.rows + row]; next != 0u; next = links[next - 1u]) {
      sum += f32(x[(next - 1u) * params.dim + c]);
      members += 1.0;
    }
    sum += f32(x[row * params.dim + c]);
    for (var next = links[row]; next != 0u; next = links[next - 1u]) {
      sum += f32(x[(next - 1u) * params.dim + c]);
      members += 1.0;
    }
    if (members > 1.0) { sum /= members; }
    y[to + c] = act(sum);
  }
}
