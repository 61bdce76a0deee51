// Embedding look-up:  y[r] = weight[ids[r] - first]   for ids within this part of the table; other rows are left alone
//
//   ids     [rows]        token ids
//   weight  [count, dim]  the table, in the format of the codec
//   y       [rows, dim]   f32
//
// One thread per four elements.

struct Params { dim: u32, first: u32, count: u32 }

@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> weight: array<WeightWord>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let column = 4u * id.x;
  let token = ids[id.y];
  if (column >= params.dim || token < params.first || token - params.first >= params.count) { return; }
  let values = weightFour(weightRow(token - params.first, params.dim), id.x);
  for (var i = 0u; i < min(4u, params.dim - column); i++) { y[id.y * params.dim + column + i] = values[i]; }
}
