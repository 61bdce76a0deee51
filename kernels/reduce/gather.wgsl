// Writes the kept rows close together, in order:  y[slot[r]] = x[r]  where keep[r]
//
//   x           [rows, dim]
//   keep, slot  [rows or more]
//   y           [kept, dim]
//
// One workgroup per row.

alias act = f32;
struct Params { dim: u32 }

@group(0) @binding(0) var<storage, read> x: array<act>;
@group(0) @binding(1) var<storage, read> keep: array<u32>;
@group(0) @binding(2) var<storage, read> slot: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<act>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  if (keep[row] == 0u) { return; }
  for (var c = lane; c < params.dim; c += 64u) { y[slot[row] * params.dim + c] = x[row * params.dim + c]; }
}
