// Writes the surviving rows of a matrix close together, in their order. With MERGE a survivor becomes the plain mean of
// its group (FrameFusion: merge_tokens_and_get_mask, whose groups are runs)
//
//   x            [rows, dim]
//   keep, slot   [rows or more]   flags, and the new index of each survivor
//   links        [2 * rows]       the members of each group (survivors.wgsl)
//   y            [kept, dim]
//
// One workgroup per row. Sums in f32, in the order of rank. What a lane takes at a time: lane/.

alias computeDtype = f32;
alias out = computeDtype;
override MERGE: bool;
struct Params { dim: u32, rows: u32 }

@group(0) @binding(0) var<storage, read> x: array<In>;
@group(0) @binding(1) var<storage, read> keep: array<u32>;
@group(0) @binding(2) var<storage, read> slot: array<u32>;
@group(0) @binding(3) var<storage, read> links: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<Out>;
@group(0) @binding(5) var<uniform> params: Params;

const WG = 64u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  if (keep[row] == 0u) { return; }
  let length = params.dim / WIDTH;
  let to = slot[row] * length;
  for (var c = lane; c < length; c += WG) {
    let own = numbers(x[row * length + c]);
    if (!MERGE) {
      y[to + c] = stored(own);
      continue;
    }
    var sum = splat(0.0);
    var members = 1.0;
    for (var next = links[params.rows + row]; next != 0u; next = links[next - 1u]) {
      sum += numbers(x[(next - 1u) * length + c]);
      members += 1.0;
    }
    sum += own;
    for (var next = links[row]; next != 0u; next = links[next - 1u]) {
      sum += numbers(x[(next - 1u) * length + c]);
      members += 1.0;
    }
    if (members > 1.0) { sum = divided(sum, members); }
    y[to + c] = stored(sum);
  }
}
