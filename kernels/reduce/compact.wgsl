// Writes the surviving rows, their positions and their layout close together. With MERGE a survivor becomes the plain
// mean of itself and of the run of removed tokens that follow it at its place of the frame (FrameFusion:
// merge_tokens_and_get_mask); its position stays its own.
//
//   hidden       [rows, dim]            hiddenOut    [kept, dim]
//   position     [rows]                 positionOut  [kept]
//   planes       [3, rows]              planesOut    [3, kept]    planes patch, rank, order
//   keep, slot   [rows + tokens]        flags and new indices, first by row, then by rank
//
// One workgroup per row. Sums in f32, in order of time.

alias act = f32;
override MERGE: bool;
struct Params { dim: u32, rows: u32, tokens: u32, kept: u32 }

@group(0) @binding(0) var<storage, read> hidden: array<act>;
@group(0) @binding(1) var<storage, read> position: array<u32>;
@group(0) @binding(2) var<storage, read> planes: array<u32>;
@group(0) @binding(3) var<storage, read> keep: array<u32>;
@group(0) @binding(4) var<storage, read> slot: array<u32>;
@group(0) @binding(5) var<storage, read_write> hiddenOut: array<act>;
@group(0) @binding(6) var<storage, read_write> positionOut: array<u32>;
@group(0) @binding(7) var<storage, read_write> planesOut: array<u32>;
@group(0) @binding(8) var<uniform> params: Params;

const WG = 64u;
const NONE = 0xffffffffu;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  if (keep[row] == 0u) { return; }
  let to = slot[row];
  let rank = planes[params.rows + row];
  var end = rank + 1u;
  if (MERGE && rank != NONE) {
    while (end < params.tokens && keep[params.rows + end] == 0u) { end++; }
  }
  for (var c = lane; c < params.dim; c += WG) {
    var sum = f32(hidden[row * params.dim + c]);
    if (MERGE && rank != NONE && end > rank + 1u) {
      for (var i = rank + 1u; i < end; i++) { sum += f32(hidden[planes[2u * params.rows + i] * params.dim + c]); }
      sum /= f32(end - rank);
    }
    hiddenOut[to * params.dim + c] = act(sum);
  }
  if (lane != 0u) { return; }
  positionOut[to] = position[row];
  planesOut[to] = planes[row];
  planesOut[params.kept + to] = NONE;
  if (rank != NONE) {
    let rankTo = slot[params.rows + rank];
    planesOut[params.kept + to] = rankTo;
    planesOut[2u * params.kept + rankTo] = to;
  }
}
