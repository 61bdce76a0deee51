// Turns a choice among video tokens into flags of survival, by row and by rank:
//
//   planes  [3, rows]          planes patch, rank, order
//   chosen  [candidates]
//   keep    [rows + tokens]    1 or 0: first by row, then by rank
//
// MERGE: candidates are all tokens by rank, and the chosen ones go (into the token before them). Otherwise candidates
// are the rows first .. first + candidates, and the chosen ones stay. One thread per row.

override MERGE: bool;
struct Params { rows: u32, first: u32, candidates: u32 }

@group(0) @binding(0) var<storage, read> planes: array<u32>;
@group(0) @binding(1) var<storage, read> chosen: array<u32>;
@group(0) @binding(2) var<storage, read_write> keep: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

const NONE = 0xffffffffu;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.x;
  if (row >= params.rows) { return; }
  let rank = planes[params.rows + row];
  var stays = 1u;
  if (MERGE) {
    if (rank != NONE) { stays = 1u - chosen[rank]; }
  } else if (row >= params.first && row - params.first < params.candidates) {
    stays = chosen[row - params.first];
  }
  keep[row] = stays;
  if (rank != NONE) { keep[params.rows + rank] = stays; }
}
