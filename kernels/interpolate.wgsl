// Bilinear resampling of a square table of rows to a grid, corners on corners:
//   y[i, j] = sum over the four rows of the table around (i (side - 1) / (rows - 1), j (side - 1) / (columns - 1))
//
//   table  [side * side, dim]
//   y      [rows * columns, dim]
//
// An axis of one is where the table begins. One thread per element of y, or eight (lane/).

alias computeDtype = f32;
alias out = computeDtype;
struct Params { side: u32, rows: u32, columns: u32, dim: u32 }

@group(0) @binding(0) var<storage, read> table: array<Numbers>;
@group(0) @binding(1) var<storage, read_write> y: array<Numbers>;
@group(0) @binding(2) var<uniform> params: Params;

fn sourceOf(i: u32, count: u32) -> f32 { return f32(i * (params.side - 1u)) / f32(max(count, 2u) - 1u); }

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let length = params.dim / WIDTH;
  if (id.x >= length) { return; }
  let down = sourceOf(id.y / params.columns, params.rows);
  let across = sourceOf(id.y % params.columns, params.columns);
  let last = params.side - 1u;
  let top = min(u32(down), last);
  let left = min(u32(across), last);
  let below = min(top + 1u, last);
  let right = min(left + 1u, last);
  let share = vec2<f32>(down - f32(top), across - f32(left));
  let upper = mixed(at(top, left, id.x), at(top, right, id.x), share.y);
  let lower = mixed(at(below, left, id.x), at(below, right, id.x), share.y);
  y[id.y * length + id.x] = mixed(upper, lower, share.x);
}

fn at(row: u32, column: u32, c: u32) -> Numbers { return table[(row * params.side + column) * (params.dim / WIDTH) + c]; }
