// Adds rows that repeat to scaled rows:  y[r, c] = residual[r % period, c] + x[r, c] * scale[c]
//
//   residual  [period, dim]
//   x, y      [rows, dim]
//   scale     [dim]          read where SCALED
//
// One thread per element, or eight (lane/). All f32: it is the residual stream. A position table has a period of one frame.

alias computeDtype = f32;
alias out = computeDtype;
override SCALED: bool;
struct Params { dim: u32, period: u32 }

@group(0) @binding(0) var<storage, read> residual: array<Numbers>;
@group(0) @binding(1) var<storage, read> x: array<Numbers>;
@group(0) @binding(2) var<storage, read> scale: array<Numbers>;
@group(0) @binding(3) var<storage, read_write> y: array<Numbers>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let c = id.x;
  let length = params.dim / WIDTH;
  if (c >= length) { return; }
  let at = id.y * length + c;
  var value = x[at];
  if (SCALED) { value = times(value, scale[c]); }
  y[at] = residual[(id.y % params.period) * length + c] + value;
}
