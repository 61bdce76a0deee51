// Joins the features of by x by neighbours in each frame's grid, row by row:
//   y[f, i, j, (a * by + b) * dim + c] = x[f, i * by + a, j * by + b, c], 0 beyond the grid
//
//   x  [frames * rows * columns, dim]
//   y  [frames * ceil(rows / by) * ceil(columns / by), by^2 * dim]
//
// One thread per element of y, or eight (lane/). With by 2 it is InternVL's pixel shuffle (ps_version v2).

alias computeDtype = f32;
alias out = computeDtype;
struct Params { rows: u32, columns: u32, by: u32, dim: u32 }

@group(0) @binding(0) var<storage, read> x: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> y: array<Numbers>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let length = params.dim / WIDTH;
  let width = params.by * params.by * length;
  if (id.x >= width) { return; }
  let wide = (params.columns + params.by - 1u) / params.by;
  let cells = (params.rows + params.by - 1u) / params.by * wide;
  let frame = id.y / cells;
  let cell = id.y % cells;
  let neighbour = id.x / length;
  let i = (cell / wide) * params.by + neighbour / params.by;
  let j = (cell % wide) * params.by + neighbour % params.by;
  var value = splat(0.0);
  if (i < params.rows && j < params.columns) {
    value = x[((frame * params.rows + i) * params.columns + j) * length + id.x % length];
  }
  y[id.y * width + id.x] = value;
}
