// Joins the features of by x by neighbours in each frame's grid, row by row:
//   y[f, i, j, (a * by + b) * dim + c] = x[f, i * by + a, j * by + b, c], 0 beyond the grid
//
//   x  [frames * grid^2, dim]
//   y  [frames * side^2, by^2 * dim],  side = ceil(grid / by)
//
// One thread per element of y. With by 2 it is InternVL's pixel shuffle (ps_version v2).

struct Params { grid: u32, side: u32, by: u32, dim: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let width = params.by * params.by * params.dim;
  if (id.x >= width) { return; }
  let cells = params.side * params.side;
  let frame = id.y / cells;
  let cell = id.y % cells;
  let neighbour = id.x / params.dim;
  let i = (cell / params.side) * params.by + neighbour / params.by;
  let j = (cell % params.side) * params.by + neighbour % params.by;
  var value = 0.0;
  if (i < params.grid && j < params.grid) {
    value = x[((frame * params.grid + i) * params.grid + j) * params.dim + id.x % params.dim];
  }
  y[id.y * width + id.x] = value;
}
