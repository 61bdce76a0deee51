// with planes.wgsl
// Who survives an assignment, and with MERGE the members of each group as linked lists in the order of rank, so that
// means are summed in the same order on every adapter
//
//   planes  [3, rows]          planes patch, rank, order (see VideoLayout)
//   into    [rows]             the row that stands for each: itself where it stays, NONE where nothing does
//   keep    [rows + tokens]    1 or 0: first by row, then by rank
//   links   [2 * rows]         zeros before: the row after each in its group, plus 1, and for each survivor the first
//                              row of its group that comes before it, plus 1; 0 for none
//
// One thread per row. Each member looks for the one before it; in FrameFusion's runs that is its neighbour.

override MERGE: bool;
struct Params { rows: u32 }

@group(0) @binding(0) var<storage, read> planes: array<u32>;
@group(0) @binding(1) var<storage, read> into: array<u32>;
@group(0) @binding(2) var<storage, read_write> keep: array<u32>;
@group(0) @binding(3) var<storage, read_write> links: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= params.rows) { return; }
  let survivor = into[row];
  let rank = planes[params.rows + row];
  keep[row] = u32(survivor == row);
  if (rank == NONE) { return; }
  keep[params.rows + rank] = u32(survivor == row);
  if (MERGE && survivor != row && survivor != NONE) {
    var before = rank;
    loop {
      if (before == 0u) {
        links[params.rows + survivor] = row + 1u;
        break;
      }
      before--;
      let other = planes[2u * params.rows + before];
      if (into[other] == survivor) {
        links[other] = row + 1u;
        break;
      }
    }
  }
}
