// with planes.wgsl
// Turns a choice among video tokens into an assignment: for each row the row that stands for it from now on, which is the
// row itself where it stays, and NONE where it goes and nothing stands for it.
//
//   planes  [3, rows]      planes patch, rank, order (see VideoLayout)
//   chosen  [candidates]   1 or 0
//   into    [rows]
//
// MERGE: candidates are all tokens by rank, and the chosen ones go into the token before them that stays. Otherwise
// candidates are the rows first .. first + candidates, and the chosen ones stay. One thread per row.

override MERGE: bool;
struct Params { rows: u32, first: u32, candidates: u32 }

@group(0) @binding(0) var<storage, read> planes: array<u32>;
@group(0) @binding(1) var<storage, read> chosen: array<u32>;
@group(0) @binding(2) var<storage, read_write> into: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= params.rows) { return; }
  var to = row;
  if (MERGE) {
    var rank = planes[params.rows + row];
    if (rank != NONE) {
      while (rank > 0u && chosen[rank] == 1u) { rank--; }
      to = planes[2u * params.rows + rank];
    }
  } else if (row >= params.first && row - params.first < params.candidates) {
    to = select(NONE, row, chosen[row - params.first] == 1u);
  }
  into[row] = to;
}
