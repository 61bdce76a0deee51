// with planes.wgsl
// Writes positions and layout of the surviving rows close together; positions stay the survivors' own.
//
//   position     [rows]             positionOut  [kept]
//   planes       [3, rows]          planesOut    [3, kept]    planes patch, rank, order (see VideoLayout)
//   keep, slot   [rows + tokens]    flags and new indices, first by row, then by rank
//
// One thread per row.

struct Params { rows: u32, kept: u32 }

@group(0) @binding(0) var<storage, read> position: array<u32>;
@group(0) @binding(1) var<storage, read> planes: array<u32>;
@group(0) @binding(2) var<storage, read> keep: array<u32>;
@group(0) @binding(3) var<storage, read> slot: array<u32>;
@group(0) @binding(4) var<storage, read_write> positionOut: array<u32>;
@group(0) @binding(5) var<storage, read_write> planesOut: array<u32>;
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= params.rows || keep[row] == 0u) { return; }
  let to = slot[row];
  let rank = planes[params.rows + row];
  positionOut[to] = position[row];
  planesOut[to] = planes[row];
  planesOut[params.kept + to] = NONE;
  if (rank != NONE) {
    let rankTo = slot[params.rows + rank];
    planesOut[params.kept + to] = rankTo;
    planesOut[2u * params.kept + rankTo] = to;
  }
}
