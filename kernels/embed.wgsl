// Embedding look-up:  y[r] = table[ids[r] - first]   for ids within this part of the table; other rows are left alone
//
//   ids    [rows]               token ids
//   table  [count, ceil(dim/2)] pairs of neighbours, in the format of the codec
//   y      [rows, dim]          f32
//
// One thread per pair.

struct Params { dim: u32, first: u32, count: u32 }

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<WeightPair>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let pairs = (params.dim + 1u) / 2u;
  let pair = id.x;
  let row = id.y;
  let token = ids[row];
  if (pair >= pairs || token < params.first || token - params.first >= params.count) { return; }
  let value = decodePair(table[(token - params.first) * pairs + pair]);
  let at = row * params.dim + 2u * pair;
  y[at] = value.x;
  if (2u * pair + 1u < params.dim) { y[at + 1u] = value.y; }
}
