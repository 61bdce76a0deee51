// Halves each frame's grid of features and lays the tokens out row by row. NEWLINE 0: nothing between them; 1: each row
// of each frame is closed by the newline vector; 2: each frame is.
//
//   x        [frames * grid^2, dim]
//   newline  [dim]                                 read where NEWLINE > 0
//   y        [frames * tokens, dim],  tokens = side^2, side * (side + 1) or side^2 + 1
//
// MODE 0: bilinear, side = ceil(grid / 2), source (i + 0.5) * grid / side - 0.5 held at 0, no antialiasing, as
// torch.nn.functional.interpolate(align_corners=False). MODE 1, 2: mean and maximum of 2 x 2, side = floor(grid / 2).
// One thread per element of y, or eight (lane/).

alias computeDtype = f32;
alias out = computeDtype;
override MODE: u32;
override NEWLINE: u32;
struct Params { grid: u32, side: u32, dim: u32 }

@group(0) @binding(0) var<storage, read> x: array<In>;
@group(0) @binding(1) var<storage, read> newline: array<Numbers>;
@group(0) @binding(2) var<storage, read_write> y: array<Numbers>;
@group(0) @binding(3) var<uniform> params: Params;

fn feature(frame: u32, i: u32, j: u32, c: u32) -> Numbers {
  return numbers(x[((frame * params.grid + i) * params.grid + j) * (params.dim / WIDTH) + c]);
}

fn source(i: u32) -> f32 {
  return max((f32(i) + 0.5) * (f32(params.grid) / f32(params.side)) - 0.5, 0.0);
}

fn bilinear(frame: u32, i: u32, j: u32, c: u32) -> Numbers {
  let top = source(i);
  let left = source(j);
  let i0 = u32(top);
  let j0 = u32(left);
  let i1 = min(i0 + 1u, params.grid - 1u);
  let j1 = min(j0 + 1u, params.grid - 1u);
  let upper = mixed(feature(frame, i0, j0, c), feature(frame, i0, j1, c), left - f32(j0));
  let lower = mixed(feature(frame, i1, j0, c), feature(frame, i1, j1, c), left - f32(j0));
  return mixed(upper, lower, top - f32(i0));
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  let length = params.dim / WIDTH;
  if (c >= length) { return; }
  let columns = params.side + select(0u, 1u, NEWLINE == 1u);
  let tokens = params.side * columns + select(0u, 1u, NEWLINE == 2u);
  let frame = id.y / tokens;
  let i = (id.y % tokens) / columns;
  let j = (id.y % tokens) % columns;
  var value: Numbers;
  if (i == params.side || j == params.side) {
    value = newline[c];
  } else if (MODE == 0u) {
    value = bilinear(frame, i, j, c);
  } else {
    let a = feature(frame, 2u * i, 2u * j, c);
    let b = feature(frame, 2u * i, 2u * j + 1u, c);
    let d = feature(frame, 2u * i + 1u, 2u * j, c);
    let e = feature(frame, 2u * i + 1u, 2u * j + 1u, c);
    value = larger(larger(a, b), larger(d, e));
    if (MODE == 1u) { value = (a + b + d + e) * 0.25; }
  }
  y[id.y * length + c] = value;
}
